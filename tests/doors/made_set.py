"""Writes a backup set of made-up files that nobody signed, as docs/backup-set.md describes it.

    made_set.py FOLDER --channel HASH [--files N] [--bytes B] [--large BYTES] [--seed S]
"""

import argparse
import hashlib
import json
import os
import random
import uuid

RUN = '2026-11-28T031500Z'
TIME = '2026-11-28T03:15:00Z'
ROW_TIME = '2026-11-01 10:00:00'
PIECE = 1 << 20


class Maker:
    """A set that is being written."""

    def __init__(self, folder, channel, seed):
        self.folder, self.channel = folder, channel
        self.random = random.Random(seed)
        self.lines, self.counts = [], {'folders': 0, 'files': 0, 'photos': 0, 'crops': 0, 'posts': 0, 'bytes': 0}
        self.folders = {}

    def write(self, path, pieces):
        """Writes a file beneath the set; returns its digest and size."""
        place = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with open(place, 'wb') as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
                size += len(piece)
        return digest.hexdigest(), size

    def payload(self, path, pieces):
        digest, size = self.write(path, pieces)
        self.lines.append(f'{digest}  {path}\n')
        return digest, size

    def row(self, name, parent, size, is_folder):
        return {
            'hash': str(uuid.UUID(int=self.random.getrandbits(128), version=4)), 'creator': self.channel, 'filename': name,
            'filetype': 'multipart/mixed' if is_folder else 'application/octet-stream', 'filesize': size, 'revision': 0, 'folder': parent,
            'flags': 0, 'is_dir': int(is_folder), 'is_photo': 0, 'created': ROW_TIME, 'edited': ROW_TIME, 'allow_cid': '', 'allow_gid': '',
            'deny_cid': '', 'deny_gid': '', 'term': [],
        }

    def describe(self, kind, rows, parts):
        own = rows[-1]['hash']
        metadata = {'filesync_set': 1, 'kind': kind, 'hash': own, 'seen': TIME, 'attach': rows, 'parts': parts}
        self.payload(f'data/metadata/{own[:2]}/{own}.json', [json.dumps(metadata).encode()])
        self.counts['files' if kind == 'file' else 'folders'] += 1

    def make_folder(self, name):
        if name not in self.folders:
            self.folders[name] = self.row(name, '', 0, True)
            self.describe('folder', [self.folders[name]], [])
        return self.folders[name]

    def make_file(self, folder, name, size):
        above = [self.make_folder(folder)] if folder else []
        row = self.row(name, above[0]['hash'] if above else '', size, False)
        path = '/'.join(['data/files', *([folder] if folder else []), name])
        digest, _ = self.payload(path, self.some_bytes(size))
        self.describe('file', [*above, row], [{'role': 'original', 'size': size, 'sha256': digest, 'path': path}])
        self.counts['bytes'] += size
        return path

    def some_bytes(self, size):
        block = self.random.randbytes(min(size, PIECE))
        for at in range(0, size, PIECE):
            # No two pieces of a large file are equal.
            yield (at.to_bytes(8, 'big') + block)[:min(PIECE, size - at)] if size > PIECE else block

    def end(self, nick, url, signed_by=None):
        """Writes the lists."""
        about = {
            'filesync_set': 1, 'id': str(uuid.UUID(int=self.random.getrandbits(128), version=4)), 'made_with': 'made_set.py', 'updated': TIME, 'run': RUN,
            'channel': {'nick': nick, 'name': nick, 'hash': self.channel, 'guid': '', 'key': '', 'url': f'{url}/channel/{nick}'},
            'origin': {'url': url, 'software': 'made up', 'filesync': None}, 'contents': ['files'], 'counts': {**self.counts, 'older_files': 0, 'older_bytes': 0},
            'access_names': {}, 'lacks': [], 'signed_by': signed_by,
        }
        report = {'filesync_set': 1, 'run': RUN, 'finished': TIME, 'from': url, 'by': 'api', 'listed': 0, 'changes': [], 'failures': []}
        self.lines.sort(key=lambda line: line[66:].encode())
        tags = {
            'README.txt': b'A backup set of made-up files.\n', 'bagit.txt': b'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n',
            'bag-info.txt': b'Bag-Software-Agent: made_set.py\n', 'set.json': json.dumps(about).encode(), 'manifest-sha256.txt': ''.join(self.lines).encode(),
            f'runs/{RUN}.json': json.dumps(report).encode(),
        }
        lines = sorted((f'{self.write(name, [content])[0]}  {name}\n' for name, content in tags.items()), key=lambda line: line[66:].encode())
        self.write('tagmanifest-sha256.txt', [''.join(lines).encode()])


def make(folder, channel, files=100, size=20480, large=0, seed=1, nick='alice', url='https://hub.example', label='Folder'):
    """Writes one with so many files in folders of a hundred, an empty folder, and one large file."""
    maker = Maker(folder, channel, seed)
    maker.make_folder(f'{label}, empty')
    for number in range(files):
        maker.make_file(f'{label} {number // 100:03}', f'file {number:05}.bin', size)
    if large:
        maker.make_file('', f'{label}.bin', large)
    maker.end(nick, url)
    return maker.counts


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder')
    parser.add_argument('--channel', required=True)
    parser.add_argument('--files', type=int, default=100)
    parser.add_argument('--bytes', type=int, default=20480)
    parser.add_argument('--large', type=int, default=0)
    parser.add_argument('--seed', type=int, default=1)
    said = parser.parse_args()
    print(json.dumps(make(said.folder, said.channel, said.files, said.bytes, said.large, said.seed)))
