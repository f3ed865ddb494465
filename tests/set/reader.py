#!/usr/bin/env python3
"""Reads a backup set as docs/backup-set.md describes it, without any code of filesync.

    tests/set/reader.py SET [--older]

Prints one JSON object: whose set it is, whether its signature verifies, and for each file its true path, size, digest,
access, categories, crops and posts; with --older also what runs replaced or removed. What is wrong is in `findings`,
what is only remarkable in `notes`. It reads through the journal of a run that was cut off. `openssl` verifies signatures,
and `minisign` those of owners; without it they are noted as not checked.

Exit code: 0 all is well, 1 something is damaged, 2 usage, 3 the set is refused.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unicodedata

HASH = re.compile(r'[A-Za-z0-9-]{1,64}\Z')
RUN = re.compile(r'[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}Z\Z')
TIME = re.compile(r'[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z')
DIGEST = re.compile(r'[0-9a-f]{64}\Z')
FORBIDDEN = re.compile(
    '[<>:"/\\\\|?*%\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]'
)
TAGS = ('README.txt', 'bag-info.txt', 'bagit.txt', 'manifest-sha256.txt', 'set.json')
MANIFEST = 'manifest-sha256.txt'
TAG_MANIFEST = 'tagmanifest-sha256.txt'
SIGNATURE = 'channel-signature.json'
OWNER_SIGNATURE = 'owner-signature.minisig'
JOURNAL = 'run.json.partial'
PLAN = '.partial/plan.jsonl'
TOP = TAGS + (TAG_MANIFEST, SIGNATURE, OWNER_SIGNATURE)
ACCESS = ('allow_cid', 'allow_gid', 'deny_cid', 'deny_gid')
MEBI = 1 << 20
MOST_TRIES = 3


class Refused(Exception):
    """The set was made to do harm, or its format is newer."""


class Wrong(Exception):
    """A file is not as the format wants it."""


class Changed(Exception):
    """A run was put in place while the set was read."""


# Paths


def is_name(name):
    return (
        name not in ('', '.', '..')
        and name[-1] not in ' .'
        and not FORBIDDEN.search(name)
        and len(name.encode()) <= 255
    )


def is_path(path):
    return len(path.encode('utf-8', 'surrogatepass')) <= 400 and all(is_name(name) for name in path.split('/'))


def shelf(hash_):
    return (hash_ + '_')[:2].lower() + '/' + hash_


def is_payload(path):
    """Tells whether a manifest may name a path."""
    if not is_path(path):
        return False
    names = path.split('/')
    if names[:2] == ['data', 'older']:
        if len(names) < 3 or not RUN.match(names[2]):
            return False
        names = ['data'] + names[3:]
    if len(names) < 3 or names[0] != 'data':
        return False
    rest = '/'.join(names[2:])
    if names[1] == 'metadata':
        hash_ = names[-1].removesuffix('.json')
        return bool(HASH.match(hash_)) and rest == shelf(hash_) + '.json'
    if names[1] == 'parts':
        found = re.match(r'([A-Za-z0-9-]{1,64})-[0-9](\..*)?\Z', names[-1])
        return bool(found) and len(names) == 4 and shelf(found[1]).startswith(names[2] + '/')
    if names[1] == 'posts':
        return bool(re.match(r'[0-9]{4}-[0-9]{2}\.jsonl\Z', rest))
    if names[1] == 'channel':
        return rest == 'identity.json.age' or bool(re.match(r'[a-z]{1,20}\.jsonl\Z', rest))
    return names[1] == 'files'


def is_tag(path):
    return path in TAGS or (path.startswith('runs/') and path.endswith('.json') and bool(RUN.match(path[5:-5])))


def is_of_plan(path):
    if not isinstance(path, str):
        return False
    return path in TOP or is_tag(path) or is_payload(path) or (path.startswith('.partial/') and is_path(path))


def fold(path):
    """Makes two paths equal that some disk takes for the same."""
    upper = ''.join(c.upper() for c in unicodedata.normalize('NFC', path))
    return unicodedata.normalize('NFC', ''.join(c.lower() for c in upper))


def split_older(path):
    """Returns the run of a path beneath data/older/, and the path that it had; else None and the path."""
    if path.startswith('data/older/'):
        run, rest = path[len('data/older/'):].split('/', 1)
        return run, 'data/' + rest
    return None, path


def time_of(run):
    return run[:13] + ':' + run[13:15] + ':' + run[15:]


def shown(path):
    """Returns a path of the disk, also one that is not a text, as one."""
    return path.encode('utf-8', 'surrogateescape').decode('utf-8', 'backslashreplace')


# Texts


def read_json(raw, most_levels=None):
    """Returns the object that a text holds."""
    try:
        text = raw.decode('utf-8')
    except UnicodeDecodeError:
        raise Wrong('it is not UTF-8') from None
    levels = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text, re.S) if most_levels else ():
        levels += {'[': 1, '{': 1, ']': -1, '}': -1}.get(token.group(), 0)
        if levels > most_levels:
            raise Wrong('it has more than %d levels' % most_levels)
    is_outermost_single = True

    def pairs(some):
        # The outermost object comes last.
        nonlocal is_outermost_single
        value = dict(some)
        is_outermost_single = len(value) == len(some)
        return value

    def constant(word):
        raise ValueError(word)

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Wrong('it is not JSON: ' + str(error)[:80]) from None
    if not isinstance(value, dict) or not is_outermost_single:
        raise Wrong('it is not one object, or a key occurs twice')
    return value


def want(condition, words):
    if not condition:
        raise Wrong(words)


def is_number(value):
    return type(value) is int


# Signatures


class Openssl:
    """Verifies signatures by the program of this name."""

    def __init__(self):
        self.is_key = {}

    def verifies(self, key, algorithm, signature, message):
        """Returns None if there is no key with which that could be done."""
        if not isinstance(key, str) or '-----BEGIN' not in key:
            return None
        with tempfile.TemporaryDirectory() as folder:
            names = [folder + '/key.pem', folder + '/signature']
            for name, contents in zip(names, (key.encode(), signature)):
                with open(name, 'wb') as file:
                    file.write(contents)
            if key not in self.is_key:
                self.is_key[key] = self.run(['rsa', '-pubin', '-in', names[0], '-noout'], b'')
            if not self.is_key[key]:
                return None
            return self.run(['dgst', '-' + algorithm, '-verify', names[0], '-signature', names[1]], message)

    @staticmethod
    def run(words, given):
        return subprocess.run(['openssl'] + words, input=given, capture_output=True, check=False).returncode == 0


# The set


class Folder:
    """The files of a set: beneath its folder alone, without following links, and through the journal."""

    def __init__(self, path):
        self.top = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.steps = {}
        self.state = None

    def above(self, path):
        *folders, name = path.split('/')
        at = os.dup(self.top)
        for folder in folders:
            try:
                inner = os.open(folder.encode(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            finally:
                os.close(at)
            at = inner
        return at, name.encode()

    def has(self, path):
        try:
            at, name = self.above(path)
        except OSError:
            return False
        try:
            os.stat(name, dir_fd=at, follow_symlinks=False)
            return True
        except OSError:
            return False
        finally:
            os.close(at)

    def where(self, path):
        """Returns where a file is now, also if a run was cut off."""
        step = self.steps.get(path)
        if step is None:
            return path
        if step['phase'] == 'out':
            return path if self.has(path) else step['from']
        if self.has(step['from']):
            return step['from']
        if step['phase'] == 'in' and self.state == 'out' and 'was' in step:
            return step['was']
        return path

    def open(self, path):
        at, name = self.above(path)
        try:
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=at)
        finally:
            os.close(at)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise Wrong('it is not a regular file')
        return os.fdopen(file, 'rb')

    def read(self, path, most_bytes):
        """Returns the bytes of a file, None if there is none."""
        try:
            with self.open(path) as file:
                raw = file.read(most_bytes + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Wrong(error.strerror) from None
        want(len(raw) <= most_bytes, 'it has more than %d bytes' % most_bytes)
        return raw

    def digest(self, path):
        """Returns digest and size of a file, None if there is none."""
        digest, size = hashlib.sha256(), 0
        try:
            with self.open(self.where(path)) as file:
                while piece := file.read(MEBI):
                    digest.update(piece)
                    size += len(piece)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Wrong(error.strerror) from None
        return digest.hexdigest(), size

    def moment(self):
        """Returns what is other once a run was put in place."""
        try:
            journal = read_json(self.read(JOURNAL, MEBI) or b'{}')
        except Wrong:
            journal = {}
        try:
            tags = self.read(TAG_MANIFEST, 256 * MEBI)
        except Wrong:
            tags = None
        return journal.get('state') not in (None, 'arriving') and journal, tags

    def walk(self):
        """Returns the paths of all that is there, but of folders."""
        found = []

        def enter(at, above):
            for name in sorted(os.listdir(at)):
                path = above + name
                if path == '.partial':
                    continue
                if not stat.S_ISDIR(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                    found.append(path)
                    continue
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                try:
                    enter(inner, path + '/')
                finally:
                    os.close(inner)

        enter(self.top, '')
        return found


class Reader:
    """Reads one set."""

    def __init__(self, path, has_older):
        self.folder = Folder(path)
        self.has_older = has_older
        self.openssl = Openssl()
        self.findings, self.notes = [], []
        # Listed path: digest and size as they are, None if there is no such file.
        self.found = {}
        self.payload, self.by_digest, self.older_runs = {}, {}, []

    def find(self, code, path, words=''):
        self.findings.append({'code': code, 'path': path, 'words': words})

    def note(self, code, path, words=''):
        self.notes.append({'code': code, 'path': path, 'words': words})

    def read(self):
        moment = self.folder.moment()
        for name in os.listdir(self.folder.top):
            is_list = name.startswith(('manifest-', 'tagmanifest-')) and name not in (MANIFEST, TAG_MANIFEST)
            if name == 'fetch.txt' or is_list:
                raise Refused('there is %s' % shown(name))
        self.read_journal()
        tags, are_tags_damaged, tag_fault = self.read_list(TAG_MANIFEST, is_tag)
        are_tags_damaged |= tags is not None and any(name not in tags for name in TAGS)
        damaged = self.check_tags(tags or {})
        about = self.read_about(damaged, tags or {})
        signature = self.check_signature(about)
        if tag_fault and (signature == 'verifies' or (signature == 'unsigned' and not are_tags_damaged)):
            raise Refused(tag_fault)
        if tags is not None and (are_tags_damaged or tag_fault):
            self.find('list_damaged', TAG_MANIFEST)
        lines, _, fault = self.read_list(MANIFEST, is_payload)
        if fault and MANIFEST in (tags or {}) and MANIFEST not in damaged and not are_tags_damaged:
            raise Refused(fault)
        if fault and MANIFEST not in damaged:
            self.find('list_damaged', MANIFEST, fault)
        self.check_payload(lines or {})
        self.look_for_others(tags or {})
        current, older = self.read_metadata()
        if self.folder.moment() != moment:
            raise Changed()
        result = {
            'set': {key: about.get(key) for key in ('id', 'run', 'updated', 'channel', 'counts', 'lacks')},
            'cut_off': self.folder.state is not None,
            'signature': signature,
            'signer': self.signer(about),
            'entries': sorted(current, key=lambda entry: entry['hash']),
        }
        if self.has_older:
            result['older'] = sorted(older, key=lambda entry: (entry['hash'], entry['until']))
        return result

    # The journal

    def read_journal(self):
        try:
            raw = self.folder.read(JOURNAL, 64 << 10)
            if raw is None:
                return
            journal = read_json(raw)
            want(is_number(journal.get('filesync_set')) and journal['filesync_set'] == 1, 'its format is another')
            want(isinstance(journal.get('run'), str) and RUN.match(journal['run']), '`run`')
            want(journal.get('state') in ('arriving', 'out', 'in', 'lists', 'tidy'), '`state`')
        except Wrong as wrong:
            self.find('list_damaged', JOURNAL, str(wrong))
            return
        if journal['state'] == 'arriving':
            return
        if journal['state'] != 'tidy':
            try:
                plan = self.folder.read(PLAN, 1024 * MEBI)
                want(plan is not None, 'it is missing')
                want(hashlib.sha256(plan).hexdigest() == journal.get('plan_sha256'), 'it is not that of the journal')
            except Wrong as wrong:
                self.find('list_damaged', PLAN, str(wrong))
                return
            self.read_plan(plan)
        self.folder.state = journal['state']

    def read_plan(self, plan):
        last = {}
        for line in plan.split(b'\n')[:-1]:
            try:
                step = read_json(line)
            except Wrong as wrong:
                raise Refused('a step of the plan: %s' % wrong) from None
            phase = step.get('phase')
            if phase not in ('out', 'in', 'lists') or not all(
                is_of_plan(step.get(key)) for key in ('from', 'to', 'was') if key != 'was' or key in step
            ):
                raise Refused('a step of the plan breaks the rules: %r' % step)
            is_sorted = not step['to'].startswith('data/') or last.get(phase, '').encode() < step['to'].encode()
            if step['to'] in self.folder.steps or not is_sorted:
                raise Refused('a step of the plan is out of order, or a second one to %r' % step['to'])
            if step['to'].startswith('data/'):
                last[phase] = step['to']
            self.folder.steps[step['to']] = step

    # The lists

    def read_list(self, path, is_allowed):
        """Returns digests by path, or None; whether lines have another form; and how it breaks the rules."""
        try:
            raw = self.folder.read(self.folder.where(path), 1024 * MEBI)
        except Wrong as wrong:
            self.find('damaged', path, str(wrong))
            return None, False, None
        if raw is None:
            self.find('missing', path)
            return None, False, None
        digests, folded, last, has_bad, fault = {}, set(), '', False, None
        lines = raw.split(b'\n')
        if lines.pop() != b'':
            has_bad, fault = True, '%s: the last line has no end' % path
        for line in lines:
            try:
                text = line.decode('utf-8')
            except UnicodeDecodeError:
                text = ''
            digest, name = text[:64], text[66:]
            if not DIGEST.match(digest) or text[64:66] != '  ' or not name or len(line) >= 1024:
                has_bad, fault = True, '%s: a line of another form' % path
            elif not is_allowed(name):
                fault = '%s: a path that no set may name: %r' % (path, name)
            elif name.encode() <= last.encode() or fold(name) in folded:
                fault = '%s: out of order, or equal without regard to case: %r' % (path, name)
            else:
                digests[name] = digest
                folded.add(fold(name))
                last = name
        return digests, has_bad, fault

    def check(self, path, digest):
        """Notes what is at a listed path; tells whether it is what was saved."""
        try:
            self.found[path] = self.folder.digest(path)
        except Wrong as wrong:
            self.found[path] = None
            self.find('damaged', path, str(wrong))
            return False
        if self.found[path] is None:
            self.find('missing', path)
        elif self.found[path][0] != digest:
            self.find('damaged', path)
        else:
            return True
        return False

    def check_tags(self, tags):
        return {path for path, digest in tags.items() if not self.check(path, digest)}

    def check_payload(self, lines):
        self.payload = lines
        self.older_runs = sorted({split_older(path)[0] for path in lines} - {None})
        for path, digest in lines.items():
            if self.check(path, digest):
                self.by_digest.setdefault(digest, path)

    def look_for_others(self, tags):
        if self.folder.state is not None:
            return
        own = set(self.payload) | set(tags) | set(TAGS) | {TAG_MANIFEST, SIGNATURE, OWNER_SIGNATURE, JOURNAL, '.lock'}
        for path in self.folder.walk():
            if path not in own:
                self.note('not_listed', shown(path))

    # set.json and the signature

    def read_about(self, damaged, tags):
        """Returns what set.json says; nothing if it is damaged."""
        is_as_saved = 'set.json' in tags and 'set.json' not in damaged
        try:
            raw = self.folder.read(self.folder.where('set.json'), 4 * MEBI)
            want(raw is not None, 'it is missing')
            about = read_json(raw)
            format_ = about.get('filesync_set')
            if is_number(format_) and format_ > 1 and (is_as_saved or 'set.json' not in tags):
                raise Refused('the format %d is newer' % format_)
            want(is_number(format_) and format_ == 1, 'no format')
            want(isinstance(about.get('run'), str) and RUN.match(about['run']), '`run`')
            channel = about.get('channel')
            want(isinstance(channel, dict), '`channel`')
            want(all(isinstance(channel.get(key), str) for key in ('hash', 'url', 'key')), '`channel`')
            want(about.get('signed_by') is None or isinstance(about['signed_by'], dict), '`signed_by`')
            return about
        except Wrong as wrong:
            if is_as_saved:
                self.find('metadata_wrong', 'set.json', str(wrong))
            return {}

    @staticmethod
    def signer(about):
        """Returns channel, owner or nobody, as set.json says."""
        signed_by = about.get('signed_by') or {}
        if isinstance(signed_by.get('minisign'), str) and 'channel' not in signed_by:
            return 'owner'
        return 'channel' if signed_by else 'nobody'

    def check_signature(self, about):
        """Returns verifies, does_not_verify, unsigned or unknown."""
        if not about:
            return 'unknown'
        signer = self.signer(about)
        own = {'owner': OWNER_SIGNATURE, 'channel': SIGNATURE, 'nobody': None}[signer]
        for name in {SIGNATURE, OWNER_SIGNATURE} - {own}:
            if self.folder.state is None and self.folder.has(name):
                self.note('not_listed', name)
        if own is None:
            return 'unsigned'
        if signer == 'owner':
            return self.check_owner_signature(about['signed_by']['minisign'])
        channel = about['channel']
        keys = ['signs', 'sha256', 'key_id', 'channel_hash', 'algorithm', 'signature']
        try:
            raw = self.folder.read(self.folder.where(SIGNATURE), MEBI)
            if raw is None:
                self.find('missing', SIGNATURE)
                return 'does_not_verify'
            signature = read_json(raw)
            text = json.dumps(signature, separators=(',', ':'), ensure_ascii=False) + '\n'
            want(list(signature) == keys and text.encode() == raw, 'it has another form')
            want(all(isinstance(value, str) for value in signature.values()), 'it has another form')
            want(signature['signs'] == TAG_MANIFEST, '`signs`')
            want(signature['algorithm'] == 'rsassa-pkcs1-v1_5-sha512', '`algorithm`')
            want(signature['key_id'] == channel['url'] and signature['channel_hash'] == channel['hash'], 'its channel')
            own = self.folder.digest(TAG_MANIFEST)
            want(own is not None and own[0] == signature['sha256'], 'it is of another %s' % TAG_MANIFEST)
            message = b'\xfffilesync-set-1\n%s\n%s\n' % (channel['hash'].encode(), own[0].encode())
            proof = base64.b64decode(signature['signature'], validate=True)
            want(self.openssl.verifies(channel['key'], 'sha512', proof, message), 'it does not fit')
        except (Wrong, ValueError) as wrong:
            self.find('signature_wrong', SIGNATURE, str(wrong))
            return 'does_not_verify'
        return 'verifies'

    def check_owner_signature(self, key):
        """Returns the same of the signature of an owner; unknown if nothing here can check it."""
        signature, signed = (self.folder.read(self.folder.where(name), 64 * MEBI) for name in (OWNER_SIGNATURE, TAG_MANIFEST))
        if signature is None:
            self.find('missing', OWNER_SIGNATURE)
            return 'does_not_verify'
        with tempfile.TemporaryDirectory() as room:
            for name, raw in (('signature', signature), ('signed', signed or b'')):
                with open(os.path.join(room, name), 'wb') as file:
                    file.write(raw)
            command = ['minisign', '-V', '-q', '-m', 'signed', '-x', 'signature', '-P', key]
            # A folder of PATH that is another user's has nothing for this one.
            if shutil.which(command[0]) is None:
                self.note('not_checked', OWNER_SIGNATURE)
                return 'unknown'
            fits = subprocess.run(command, cwd=room, capture_output=True).returncode == 0
        if not fits:
            self.find('signature_wrong', OWNER_SIGNATURE)
        return 'verifies' if fits else 'does_not_verify'

    # Metadata

    def read_metadata(self):
        current, older = [], []
        for path, digest in self.payload.items():
            run, own_path = split_older(path)
            is_whole = self.found[path] is not None and self.found[path][0] == digest
            if not own_path.startswith('data/metadata/') or not is_whole:
                continue
            try:
                metadata = self.parse(path)
            except Wrong as wrong:
                self.find('metadata_wrong', path, str(wrong))
                continue
            if metadata['kind'] not in ('file', 'folder'):
                self.note('kind_skipped', path, metadata['kind'])
            elif run is None:
                current.append(self.entry(path, metadata, None))
            else:
                older.append(self.entry(path, metadata, run))
        return current, older

    def parse(self, path):
        """Reads a metadata file, and makes sure that it is of the form."""
        metadata = read_json(self.folder.read(self.folder.where(path), 4 * MEBI) or b'', 64)
        want(metadata.get('filesync_set') == 1 and is_number(metadata['filesync_set']), 'its format is another')
        want(metadata.get('hash') == path.split('/')[-1].removesuffix('.json'), 'its hash is not the one in its name')
        want(isinstance(metadata.get('kind'), str), '`kind`')
        want(isinstance(metadata.get('seen'), str) and TIME.match(metadata['seen']), '`seen`')
        rows = metadata.get('attach')
        want(isinstance(rows, list) and 1 <= len(rows) <= 64, '`attach`')
        for row in rows:
            want(isinstance(row, dict), '`attach`')
            columns = ('hash', 'filename', 'folder', 'filetype', 'edited') + ACCESS
            want(all(isinstance(row.get(column), str) for column in columns), 'a row of `attach`')
            want(isinstance(row.get('term'), list), '`term`')
            want(all(isinstance(term, dict) and isinstance(term.get('term'), str) for term in row['term']), '`term`')
        want(rows[-1]['hash'] == metadata['hash'], '`attach`')
        items = metadata.get('item', [])
        want(isinstance(items, list) and len(items) <= 10000, '`item`')
        want(all(isinstance(item, dict) for item in items), '`item`')
        want(isinstance(metadata.get('parts'), list), '`parts`')
        known = set()
        for part in metadata['parts']:
            self.parse_part(part, known)
        return metadata

    @staticmethod
    def parse_part(part, known):
        want(isinstance(part, dict) and isinstance(part.get('role'), str), 'a part')
        if part['role'] not in ('original', 'crop'):
            return
        want(is_number(part.get('size')) and part['size'] >= 0, '`size` of a part')
        want(isinstance(part.get('sha256'), str) and DIGEST.match(part['sha256']), '`sha256` of a part')
        want(('path' in part) != ('base64' in part), 'a part with neither bytes nor a path, or with both')
        want('path' in part or part['role'] == 'crop', 'an original in base64')
        want('path' not in part or (isinstance(part['path'], str) and is_payload(part['path'])), '`path` of a part')
        want(part['role'] == 'original' or is_number(part.get('scale')), '`scale` of a part')
        which = (part['role'], part.get('scale') if part['role'] == 'crop' else None)
        want(which not in known, 'two parts of one sort')
        known.add(which)

    def entry(self, path, metadata, run):
        own = metadata['attach'][-1]
        entry = {
            'hash': metadata['hash'],
            'kind': metadata['kind'],
            'path': [row['filename'] for row in metadata['attach']],
            'type': own['filetype'],
            'edited': own['edited'],
            'seen': metadata['seen'],
            'size': None,
            'sha256': None,
            'access': {column: re.findall('<([^<>]*)>', own[column]) for column in ACCESS},
            'categories': [term['term'] for term in own['term']],
            'crops': {},
            'posts': [self.post(item) for item in metadata.get('item', [])],
        }
        if run is not None:
            entry['until'] = time_of(run)
        for column in ACCESS:
            if own[column] != ''.join('<%s>' % one for one in entry['access'][column]):
                self.note('access', path, '%s: %r' % (column, own[column]))
        for part in metadata['parts']:
            if part['role'] not in ('original', 'crop') or part.get('scale') not in (None, 4, 7):
                self.note('part_skipped', path, '%s %s' % (part['role'], part.get('scale')))
                continue
            bytes_ = self.bytes_of(part, path, run)
            if part['role'] == 'crop':
                entry['crops'][str(part['scale'])] = bytes_ and bytes_[0]
            elif bytes_:
                entry['sha256'], entry['size'] = bytes_
        return entry

    def bytes_of(self, part, path, run):
        """Returns digest and size of a part's bytes, None if they are not in the set as they were."""
        if 'base64' in part:
            try:
                raw = base64.b64decode(part['base64'].encode('ascii'), validate=True)
            except (ValueError, AttributeError):
                raw = b''
            found = hashlib.sha256(raw).hexdigest(), len(raw)
        else:
            at = self.locate(part['path'], part['sha256'], run)
            found = at and self.found[at]
            if at is None:
                self.find('part_missing', path, '%s is not listed with its digest' % part['path'])
            if not found:
                return None
        if found != (part['sha256'], part['size']):
            # A listed file that is damaged was named already.
            if 'base64' in part or found[0] == part['sha256']:
                self.find('part_damaged', path, 'its bytes are others')
            return None
        return found

    def locate(self, path, digest, run):
        if self.payload.get(path) == digest:
            return path
        if run is None:
            return None
        for later in self.older_runs:
            place = 'data/older/%s/%s' % (later, path.removeprefix('data/'))
            if later >= run and self.payload.get(place) == digest:
                return place
        return self.by_digest.get(digest)

    def post(self, item):
        author = item.get('author')
        author = author if isinstance(author, dict) else {}
        body = item.get('body') if isinstance(item.get('body'), str) else ''
        return {
            'id': item.get('message_id'),
            'conversation': item.get('message_top'),
            'author': author.get('name') or '',
            'body_sha256': hashlib.sha256(body.encode()).hexdigest(),
            'signature': item.get('signature') or '',
            'verifies': self.verifies(item.get('signature'), author.get('key'), body),
        }

    def verifies(self, signature, key, body):
        """Returns None if a post is not signed, or its signature cannot be checked."""
        if not isinstance(signature, str) or not signature:
            return None
        algorithm, point, text = signature.partition('.')
        if not point:
            algorithm, text = 'sha256', signature
        if algorithm != 'sha256':
            return None
        try:
            proof = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
        except ValueError:
            return None
        return self.openssl.verifies(key, 'sha256', proof, body.encode())


def read(path, has_older):
    """Reads a set again if a run was put in place meanwhile."""
    for _ in range(MOST_TRIES):
        reader = Reader(path, has_older)
        try:
            return reader.read(), reader
        except Changed:
            continue
        except Refused as refused:
            return {'refused': str(refused)}, reader
    raise SystemExit('%s changes whenever it is read' % path)


def main(words):
    folders = [word for word in words if word != '--older']
    if len(folders) != 1 or folders[0].startswith('-') or not os.path.isdir(folders[0]):
        print(__doc__, file=sys.stderr)
        return 2
    result, reader = read(folders[0], '--older' in words)
    result['findings'] = sorted(reader.findings, key=lambda one: (one['path'], one['code'], one['words']))
    result['notes'] = sorted(reader.notes, key=lambda one: (one['path'], one['code'], one['words']))
    print(json.dumps(result, indent=1))
    return 3 if 'refused' in result else int(bool(reader.findings))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
