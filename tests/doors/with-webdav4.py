"""Sends a set to a drop box with the library webdav4: with-webdav4.py BOX SET; the password is PASSWORD in the environment."""

import os
import sys

from webdav4.client import Client

box, folder = sys.argv[1:]
client = Client(box, auth=("alice", os.environ["PASSWORD"]), retry=False)
for path, folders, files in os.walk(folder):
    at = os.path.relpath(path, folder)
    if at != "." and not client.exists(at):
        client.mkdir(at)
    for name in files:
        if name != ".lock":
            client.upload_file(os.path.join(path, name), os.path.normpath(os.path.join(at, name)), overwrite=True)
sent = [entry["name"] for entry in client.ls("/", detail=True)]
assert "Status.txt" in sent and "set.json" in sent, sent
try:
    client.download_file("set.json", os.devnull)
except Exception:
    sys.exit(0)
sys.exit("the drop box gave a file back")
