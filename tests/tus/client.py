#!/usr/bin/env python3
"""Sends a backup set to a hub with filesync, which restores it. Written from docs/upload-door.md and docs/backup-set.md alone.

    client.py SET https://hub.example [--replace] [--deleted] [--as-copy] [--without HUB] [--cacert FILE] [--piece BYTES] [--send-only]

The key is read from the environment variable FILESYNC_KEY, or from the first line of standard input.
Ends with 0 if all of the set is on the hub, 1 if something needs attention, 2 for wrong usage, 75 if the same command goes on later.
"""

import argparse
import base64
import hashlib
import http.client
import io
import json
import os
import ssl
import sys
import tarfile
import time
import urllib.parse

TAGS, SIGNATURE, LIST = "tagmanifest-sha256.txt", "channel-signature.json", "manifest-sha256.txt"
PIECE, LEAST_PIECE, SMALL, TRIES = 1 << 20, 64 << 10, 128 << 10, 8


class Refused(Exception):
    """The hub refuses, and trying again does not help."""

    def __init__(self, status, code, text):
        try:
            super().__init__(json.loads(text)["message"])
        except (ValueError, KeyError, TypeError):
            super().__init__(f"{code or 'no reason given'} (status {status})")
        self.status, self.code = status, code


class Unreachable(Exception):
    """The hub does not answer, or only now and then."""


class Hub:
    """Requests to one hub, over one connection that is made again when it breaks."""

    def __init__(self, root, key, cacert):
        self.at = urllib.parse.urlsplit(root)
        if self.at.scheme == "http" and self.at.hostname not in ("localhost", "127.0.0.1", "::1"):
            sys.exit("a key is not sent without TLS: use https")
        self.path = self.at.path.rstrip("/") + "/filesync/v1"
        self.key, self.line, self.requests = key, None, 0
        self.context = ssl.create_default_context(cafile=cacert) if self.at.scheme == "https" else None

    def once(self, method, path, body, headers):
        """Sends one request; returns status, headers and body."""
        if self.line is None:
            make = http.client.HTTPSConnection if self.context else http.client.HTTPConnection
            more = {"context": self.context} if self.context else {}
            self.line = make(self.at.hostname, self.at.port, timeout=120, **more)
        headers = {"Filesync-Key": self.key, "Content-Length": str(len(body or b"")), **headers}
        self.requests += 1
        try:
            self.line.request(method, path, body, headers)
            answer = self.line.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.line.close()
            self.line = None
            raise Unreachable(str(error)) from error
        if answer.will_close:
            self.line.close()
            self.line = None
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text

    def ask(self, method, path, content=None):
        """Sends JSON, as often as the hub says that it may work later; returns the object that it answers."""
        body = None if content is None else json.dumps(content).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        for tried in range(TRIES):
            try:
                status, said, text = self.once(method, path, body, headers)
            except Unreachable:
                time.sleep(2**tried / 8)
                continue
            code = said.get("filesync-error")
            if status in (200, 201, 202, 204):
                # A proxy may send a page in place of the answer.
                if status != 204 and not said.get("content-type", "").startswith("application/json"):
                    raise Unreachable(f"an answer of {path} is not the hub's")
                return json.loads(text) if text else {}
            if status in (423, 429, 500, 502, 503, 504) and code not in ("checksum_wrong", "digest_wrong"):
                time.sleep(min(60, int(said.get("retry-after", "1"))))
                continue
            raise Refused(status, code, text)
        raise Unreachable(f"{path}: the hub is busy, or does not answer")


def digest(path):
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            hasher.update(piece)
    return hasher.hexdigest()


class Sending:
    """One set on its way to one session."""

    def __init__(self, hub, folder, piece):
        self.hub, self.folder, self.largest = hub, folder, piece
        self.piece = min(PIECE, piece)
        self.paths = {}
        for name in (TAGS, SIGNATURE):
            if os.path.isfile(self.at(name)):
                self.paths[digest(self.at(name))] = name
        self.lists = {name: sha256 for sha256, name in self.paths.items()}
        for name in (TAGS, LIST):
            with open(self.at(name), encoding="utf-8", newline="\n") as file:
                for line in file:
                    self.paths.setdefault(line[:64], line[66:].rstrip("\n"))

    def at(self, path):
        return os.path.join(self.folder, *path.split("/"))

    def begin(self, as_copy):
        with open(self.at("set.json"), encoding="utf-8") as file:
            about = json.load(file)
        short = {"filesync_set": about["filesync_set"], "channel": {"hash": about["channel"]["hash"]}}
        asked = {"set": short, "lists": self.lists, "as_copy": as_copy}
        begun = self.hub.ask("POST", self.hub.path + "/restore", asked)
        self.path = urllib.parse.urlsplit(begun["url"]).path
        self.largest = min(self.largest, begun["piece_bytes"])
        return begun

    def lacking(self, most):
        digests, lacking, partial = list(self.paths), [], {}
        for at in range(0, len(digests), most):
            said = self.hub.ask("POST", self.path + "/lacking", {"sha256": digests[at : at + most]})
            lacking += said["lacking"]
            partial.update(said["partial"])
        return lacking, partial

    def send_small(self, digests):
        """Sends small files together; returns those that must be sent one by one."""
        # An archive ends with zeros, up to the next 10 KiB.
        left, some, length = [], {}, 11 << 10
        for sha256 in [*digests, None]:
            path = self.at(self.paths[sha256]) if sha256 else None
            size = os.path.getsize(path) if path and os.path.isfile(path) else SMALL + 1
            if some and (sha256 is None or length + size + 1024 > self.piece):
                if self.send_pack(some):
                    self.piece = min(self.largest, self.piece * 2)
                else:
                    left, self.piece = left + list(some), max(LEAST_PIECE, self.piece // 2)
                some, length = {}, 11 << 10
            if size <= min(SMALL, self.piece // 2):
                with open(path, "rb") as file:
                    some[sha256] = file.read()
                length += 512 + (size + 511) // 512 * 512
            elif sha256:
                left.append(sha256)
        return left

    def send_pack(self, files):
        body = io.BytesIO()
        with tarfile.open(fileobj=body, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for sha256, content in files.items():
                member = tarfile.TarInfo(sha256)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        try:
            status, said, text = self.hub.once("POST", self.path + "/pack", body.getvalue(), {"Content-Type": "application/x-tar"})
        except Unreachable:
            return False
        if said.get("filesync-error") in ("quota_short", "disk_short", "file_too_large", "key_wrong", "session_expired", "door_closed"):
            raise Refused(status, said["filesync-error"], text)
        return status == 200 and said.get("content-type", "").startswith("application/json")

    def send(self, sha256, begun_at):
        """Sends one file; tells whether it was what the list says."""
        try:
            file = open(self.at(self.paths[sha256]), "rb")
        except OSError as error:
            print(f"{self.paths[sha256]} cannot be read: {error.strerror}", file=sys.stderr)
            return False
        with file:
            size = os.fstat(file.fileno()).st_size
            metadata = "sha256 " + base64.b64encode(sha256.encode()).decode()
            offset = begun_at if begun_at else None
            tried = wrong = 0
            while offset is None or offset < size:
                file.seek(offset or 0)
                body = file.read(min(self.piece, size - (offset or 0)))
                headers = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
                headers["Upload-Checksum"] = "sha256 " + base64.b64encode(hashlib.sha256(body).digest()).decode()
                if offset is None:
                    path, more = self.path + "/upload", {"Upload-Length": str(size), "Upload-Metadata": metadata}
                else:
                    path, more = f"{self.path}/upload/{sha256}", {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": str(offset)}
                try:
                    status, said, text = self.hub.once("POST", path, body, headers | more)
                except Unreachable:
                    status, said, text = 0, {}, b""
                code = said.get("filesync-error")
                # Only an answer of the hub itself says how much is there.
                if status in (201, 204) and "tus-resumable" in said and "upload-offset" in said:
                    tried, offset = 0, int(said["upload-offset"])
                    self.piece = min(self.largest, self.piece * 2)
                    continue
                if code == "digest_wrong":
                    wrong += 1
                    if wrong > 1 or digest(self.at(self.paths[sha256])) != sha256:
                        print(f"{self.paths[sha256]} is not what was saved", file=sys.stderr)
                        return False
                if status in (0, 413) and code is None:
                    self.piece = max(LEAST_PIECE, self.piece // 2)
                elif code and status < 500 and code not in (
                    "checksum_wrong", "digest_wrong", "offset_differs", "upload_busy", "too_many_requests"
                ):
                    raise Refused(status, code, text)
                tried += 1
                if tried >= TRIES:
                    raise Unreachable(f"{self.paths[sha256]}: status {status}, {code or 'no reason given'}")
                time.sleep(min(60, int(said.get("retry-after", "0")) or 2**tried / 8))
                offset = self.offset(sha256, offset)
        return True

    def offset(self, sha256, before):
        """Asks how much of a file is there; none: it is to be created."""
        try:
            status, said, _ = self.hub.once("HEAD", f"{self.path}/upload/{sha256}", None, {"Tus-Resumable": "1.0.0"})
        except Unreachable:
            return before
        if status == 200 and "upload-offset" in said:
            return int(said["upload-offset"])
        return None if status == 404 and said.get("filesync-error") == "no_upload" else before


def watch(hub, path):
    """Waits until the hub has restored what was sent."""
    while True:
        said = hub.ask("GET", path)
        if said["state"] not in ("restoring", "ending") or said["code"]:
            return said
        time.sleep(1)


def run(options, key):
    hub = Hub(options.hub, key, options.cacert)
    about = hub.ask("GET", hub.path)
    if not about["protocol"]["oldest"] <= 1 <= about["protocol"]["newest"]:
        print("update " + ("this program" if about["protocol"]["oldest"] > 1 else "filesync on the hub"), file=sys.stderr)
        return 1
    sending = Sending(hub, options.set, options.piece)
    state = sending.begin(options.as_copy)
    unsent = 0
    if state["state"] == "open":
        lacking, partial = sending.lacking(about["limits"]["digests"])
        sizes = [os.path.getsize(path) for path in (sending.at(sending.paths[one]) for one in lacking) if os.path.isfile(path)]
        hub.ask("POST", sending.path + "/room", {"bytes": sum(sizes), "largest": max(sizes, default=0)})
        lacking = lacking[: options.most]
        alone = sending.send_small([one for one in lacking if one not in partial])
        unsent = sum(not sending.send(one, partial.get(one, 0)) for one in [*alone, *partial])
        print(f"{len(lacking) - unsent} of {len(sending.paths)} files sent in {hub.requests} requests")
        if options.send_only:
            return 1 if unsent else 0
        flags = {name: getattr(options, name) for name in ("replace", "deleted", "as_copy", "without")}
        hub.ask("POST", sending.path + "/finish", {"options": flags})
    state = watch(hub, sending.path)
    for message in [one["message"] for one in state["attention"]] + [state["message"]] * bool(state["message"]):
        print(message, file=sys.stderr)
    print(json.dumps({name: state[name] for name in ("state", "code", "received", "restore", "attention")}))
    if state["state"] == "restoring":
        return 75
    return 0 if state["state"] == "done" and not state["attention"] and not unsent else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("set")
    parser.add_argument("hub")
    for flag in ("--replace", "--deleted", "--as-copy", "--send-only"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--without", action="append", default=[], help="a clone that is gone, and is not asked what was deleted there")
    parser.add_argument("--most", type=int, help="send so many files at most")
    parser.add_argument("--cacert")
    parser.add_argument("--piece", type=int, default=8 << 20, help="largest piece, in bytes")
    options = parser.parse_args()
    key = os.environ.pop("FILESYNC_KEY", None) or sys.stdin.readline().strip()
    try:
        return run(options, key)
    except Refused as error:
        print(error, file=sys.stderr)
        return 75 if error.status in (409, 429, 503) and error.code != "set_other_channel" else 1
    except Unreachable as error:
        print(f"{error}; the same command goes on", file=sys.stderr)
        return 75


if __name__ == "__main__":
    sys.exit(main())
