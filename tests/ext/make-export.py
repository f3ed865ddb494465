#!/usr/bin/env python3
"""Makes export files as a hub does, and lists what is in them: make-export.py FOLDER BYTES.

export.json, export.json.gz and months.zip hold the same items; export.list and months.list have a line for each element: document, section,
number (- if the section is not a list), SHA-256 of its text; export.sections and months.sections one for each section: document, name,
elements.
"""
import base64
import gzip
import hashlib
import json
import random
import sys
import zipfile

folder, size = sys.argv[1], int(sys.argv[2])
chance = random.Random(8)
WORDS = 'Füße [b]Straße[/b] "zitiert" \\ https://hub.example/photo/9c0d-2.jpg Lorem ipsum dolor 日本 🙂 {brace] [url=x] consetetur'.split(' ')
SENTENCES = [' '.join(chance.choices(WORDS, k=30)) for _ in range(500)]
KEY = base64.b64encode(chance.randbytes(2000)).decode()
AUTHOR = {'name': 'Alice', 'url': 'https://hub.example/channel/alice', 'key': KEY, 'photo': {'mimetype': 'image/jpeg', 'src': 'https://hub.example/photo/1'}}


def php(value):
    """Writes JSON as PHP does."""
    return json.dumps(value, separators=(',', ':')).replace('/', '\\/').encode()


def item(number):
    mid = 'https://hub.example/item/' + chance.randbytes(16).hex()
    body = '\n'.join(chance.choices(SENTENCES, k=1 + number % 20))
    return {
        'message_id': mid, 'message_top': mid, 'created': '2024-05-03 09:00:00', 'body': body, 'author': AUTHOR, 'owner': AUTHOR,
        'obj': json.dumps({'type': 'Note', 'id': mid, 'content': body[:400]}), 'tags': [], 'meta': {}, 'attach': None,
        'signature': 'sha256.' + base64.b64encode(chance.randbytes(512)).decode(), 'number': number,
    }


class Document:
    """Writes one, and notes what it writes."""

    def __init__(self, name, output, elements, sections):
        self.name, self.output, self.elements, self.sections, self.count = name, output, elements, sections, 0
        self.opening = b'{'

    def value(self, section, value):
        text = php(value)
        self.begin(section)
        self.put(section, '-', text)
        self.end(section, 1)

    def list(self, section, values):
        self.begin(section)
        self.output.write(b'[')
        number = -1
        for number, value in enumerate(values):
            if number:
                self.output.write(b',')
            self.put(section, number, php(value))
        self.output.write(b']')
        self.end(section, number + 1)

    def begin(self, section):
        self.output.write(self.opening + php(section) + b':')
        self.opening = b','

    def put(self, section, number, text):
        self.output.write(text)
        self.elements.write(f'{self.name}\t{section}\t{number}\t{hashlib.sha256(text).hexdigest()}\n')

    def end(self, section, elements):
        self.sections.write(f'{self.name}\t{section}\t{elements}\n')


RELOCATE = {'channel_address': 'alice', 'url': 'https://hub.example'}
LONG = min(size // 4, 12 << 20)
most = (size - LONG) // 11800 + 1
with open(f'{folder}/export.list', 'w') as elements, open(f'{folder}/export.sections', 'w') as sections, open(f'{folder}/export.json', 'wb') as output:
    whole = Document('-', output, elements, sections)
    whole.value('compatibility', {'project': 'hubzilla', 'version': '8.9.3', 'database': '1263'})
    whole.value('relocate', RELOCATE)
    whole.value('channel', {'channel_address': 'alice', 'channel_prvkey': KEY})
    whole.list('profile', [{'profile_name': 'Default'}])
    whole.value('photo', {'type': 'image/jpeg', 'data': base64.urlsafe_b64encode(chance.randbytes(60000)).decode()})
    whole.list('abook', ({'abook_id': n, 'abook_xchan': chance.randbytes(32).hex(), 'abconfig': [{'cat': 'system', 'k': 'x', 'v': 'a:0:{}'}]} for n in range(200)))
    whole.list('xchan', ({'xchan_hash': chance.randbytes(32).hex(), 'xchan_pubkey': KEY} for n in range(200)))
    whole.list('group', [])
    whole.list('config', ({'id': n, 'k': 'key', 'v': str(n)} for n in range(5000)))
    whole.list('item', (item(n) for n in range(most)))
    whole.list('webpages', [{'body': 'x' * LONG}])
    output.write(b'}')
with open(f'{folder}/export.json', 'rb') as plain, gzip.open(f'{folder}/export.json.gz', 'wb', compresslevel=1) as output:
    while some := plain.read(1 << 20):
        output.write(some)
with open(f'{folder}/months.list', 'w') as elements, open(f'{folder}/months.sections', 'w') as sections, zipfile.ZipFile(f'{folder}/months.zip', 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    for month in range(1, 13):
        name = f'alice-2024-{month}.json'
        with archive.open(name, 'w', force_zip64=True) as output:
            document = Document(name, output, elements, sections)
            document.value('relocate', RELOCATE)
            document.list('item', (item(n) for n in range(most // 12)))
            output.write(b'}')
