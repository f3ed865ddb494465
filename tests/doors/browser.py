#!/usr/bin/env python3
"""The page /filesync/restore of a running hub in headless Chromium: an owner restores folders of backups.

    browser.py https://hub NICK PASSWORD [--files N] [--large BYTES] [--shots FOLDER]

Needs chromium and Python's playwright. What it restores, it leaves on the hub. Ends with 0 and a line `all of it: …` if all is well.
"""

import argparse
import base64
import json
import os
import re
import shutil
import sys
import tempfile
import time
import urllib.parse

from playwright.sync_api import TimeoutError as PlaywrightTimeout, sync_playwright

import made_set

PAGE = '/filesync/restore'
PATIENCE = 1800
MOST_HEAP = 300 << 20
# An owner's screen reader names these by their roles.
NAMED_ROLES = {'button', 'link', 'checkbox', 'progressbar', 'textbox', 'combobox', 'region', 'form'}


def fail(words):
    raise SystemExit(f'browser: {words}')


def check(is_so, words):
    if not is_so:
        fail(words)


def log_in(page, hub, nick, password):
    page.goto(f'{hub}/login')
    page.fill('input[name=main_login_username]', nick)
    page.fill('input[name=main_login_password]', password)
    page.press('input[name=main_login_password]', 'Enter')
    page.wait_for_load_state('load')


class Visit:
    """An owner at the page."""

    def __init__(self, browser, hub, nick, password, shots, **options):
        self.hub, self.shots = hub, shots
        self.context = browser.new_context(ignore_https_errors=True, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.faults, self.requests, self.offsets = [], [], []
        self.page.on('pageerror', lambda error: self.faults.append(str(error)))
        self.page.on('request', self.saw)
        self.page.on('dialog', lambda dialog: dialog.accept())
        self.devtools = self.context.new_cdp_session(self.page)
        self.devtools.send('Performance.enable')
        self.heap = 0
        log_in(self.page, hub, nick, password)
        self.open()

    def saw(self, request):
        if '/filesync/' in request.url and '/view/' not in request.url:
            self.requests.append(f'{request.method} {urllib.parse.urlsplit(request.url).path}')
        if 'upload-offset' in request.headers:
            self.offsets.append((request.url.rsplit('/', 1)[1], int(request.headers['upload-offset'])))

    def open(self):
        self.page.goto(self.hub + PAGE)
        self.page.wait_for_selector('#filesync-send:not([hidden])')
        self.page.wait_for_function('window.FilesyncDoor !== undefined')

    def clear(self):
        """Ends what an earlier run left."""
        self.wait('the state', lambda: any('/restore/state' in one for one in self.requests))
        self.page.wait_for_load_state('networkidle')
        for button in ('#filesync-send-other', '#filesync-cancel'):
            if self.sees(button):
                self.page.click(button)
                self.wait('the end of an earlier run', lambda: not self.sees('#filesync-send-running') and not self.sees('#filesync-cancel'))

    def text(self, part):
        return self.page.inner_text(f'#filesync-send-{part}')

    def channel(self):
        return self.page.get_attribute('#filesync-send', 'data-channel')

    def choose(self, folder):
        self.page.set_input_files('#filesync-send-folder', folder)

    def measure(self):
        """Notes how much memory scripts hold."""
        values = {one['name']: one['value'] for one in self.devtools.send('Performance.getMetrics')['metrics']}
        self.heap = max(self.heap, values['JSHeapUsedSize'])
        return values

    def wait(self, what, is_so):
        """Waits for a condition, and measures meanwhile."""
        end = time.monotonic() + PATIENCE
        while not is_so():
            self.measure()
            check(time.monotonic() < end, f'waits for {what} in vain; the page says:\n{self.page.inner_text("#filesync-send-page")}')
            check(not self.faults, f'the script of the page failed: {self.faults}')
            self.page.wait_for_timeout(100)

    def sees(self, selector):
        return self.page.is_visible(selector)

    def planned(self):
        self.wait('the plan', lambda: self.sees('#filesync-discard') or self.sees('#filesync-send-alert'))
        check(not self.sees('#filesync-send-alert'), f'the page says: {self.text("alert")}')

    def restored(self):
        self.wait('the end', lambda: 'Restored' in (self.page.text_content('#filesync-restore-title') or '')
                  if self.sees('#filesync-restore-title') else self.sees('#filesync-send-alert'))
        check(not self.sees('#filesync-send-alert'), f'the page says: {self.text("alert")}')

    def shoot(self, name):
        if self.shots:
            self.page.screenshot(path=os.path.join(self.shots, f'{name}.png'), full_page=True)

    def tree(self):
        """Returns what a screen reader is told: pairs of role and name."""
        nodes = self.devtools.send('Accessibility.getFullAXTree')['nodes']
        pairs = []
        for node in nodes:
            if not node.get('ignored'):
                pairs.append((node.get('role', {}).get('value', ''), node.get('name', {}).get('value', '')))
        return pairs

    def close(self):
        check(not self.faults, f'the script of the page failed: {self.faults}')
        self.context.close()


def many_files(visit, folder, count):
    """Many small files: few requests, a page that stays small, and nothing that is sent twice."""
    visit.requests.clear()
    visit.page.evaluate("""() => {
        document.getElementById('filesync-send-folder').addEventListener('change', () => { window.begun = performance.now(); }, {capture: true, once: true});
        new MutationObserver((_, watch) => { window.read = performance.now(); watch.disconnect(); })
            .observe(document.getElementById('filesync-send-about-lines'), {childList: true});
    }""")
    visit.choose(folder)
    visit.wait('the folder', lambda: visit.sees('#filesync-send-about') and visit.text('about-lines') != '')
    read = visit.page.evaluate('(window.read - window.begun) / 1000')
    check(f'files: {count:,}' in visit.text('about-lines'), visit.text('about-lines'))
    visit.planned()
    check(f'{count:,} files' in visit.page.inner_text('#filesync-restore-lines'), visit.page.inner_text('#filesync-restore-lines'))
    visit.page.click('#filesync-start')
    visit.wait('bytes', lambda: visit.sees('#filesync-send-pause') and '0 of' not in visit.text('numbers')[:4])
    visit.shoot('sending')
    visit.restored()
    asked = [one for one in visit.requests if '/state' not in one]
    check(len(asked) <= max(60, count // 25), f'{len(asked)} requests for {count} files')
    elements = visit.page.evaluate('document.querySelectorAll("#filesync-send-page *").length')
    check(elements < 300, f'the page has {elements} elements')
    visit.shoot('restored')
    # The same folder once more: all of it is here.
    visit.requests.clear()
    visit.choose(folder)
    visit.planned()
    lines = visit.page.inner_text('#filesync-restore-lines')
    check('No file is missing.' in lines and f'here already: {count:,} files' in lines, lines)
    visit.page.click('#filesync-discard')
    visit.wait('the end of it', lambda: not visit.sees('#filesync-send-about'))
    print(f'{count:,} files restored with {len(asked)} requests; its lists were read in {read:.1f} s; {elements} elements')


def large_file(visit, folder, size):
    """A large file: paused, without a network, loaded again in the middle; no piece that arrived is sent twice."""
    visit.choose(folder)
    visit.planned()
    visit.page.click('#filesync-start')
    bar = '#filesync-send-bar'

    def share():
        return visit.page.evaluate('document.getElementById("filesync-send-bar").value')

    visit.wait('some of it', lambda: share() > 0.1)
    visit.shoot('large')
    visit.page.click('#filesync-send-pause')
    visit.wait('the pause', lambda: visit.sees('#filesync-send-on'))
    visit.shoot('paused')
    before, count = share(), len(visit.requests)
    visit.page.wait_for_timeout(1500)
    check((share(), len(visit.requests)) == (before, count), 'it goes on while it is paused')
    visit.page.click('#filesync-send-on')
    visit.wait('more of it', lambda: share() > before + 0.05)
    visit.context.set_offline(True)
    visit.wait('the line to be missed', lambda: visit.sees('#filesync-send-note'))
    check('does not answer' in visit.text('note'), visit.text('note'))
    visit.shoot('offline')
    visit.context.set_offline(False)
    visit.wait('the line', lambda: not visit.sees('#filesync-send-note'))
    before = share()
    visit.wait('more of it', lambda: share() > before + 0.05)
    # Loaded again, like a page that was closed.
    large = max(visit.offsets, key=lambda one: one[1])
    visit.open()
    visit.wait('what is under way', lambda: visit.sees('#filesync-send-running'))
    visit.shoot('again')
    visit.offsets.clear()
    visit.choose(folder)
    visit.planned()
    visit.page.click('#filesync-start')
    visit.wait('a piece', lambda: any(one[0] == large[0] for one in visit.offsets))
    first = next(offset for digest, offset in visit.offsets if digest == large[0])
    check(first >= large[1], f'it had come to {large[1]}, and goes on at {first}')
    visit.restored()
    check(sorted(offset for digest, offset in visit.offsets if digest == large[0]) ==
          sorted({offset for digest, offset in visit.offsets if digest == large[0]}), 'a piece was sent twice')
    check(visit.heap <= MOST_HEAP, f'scripts held {visit.heap >> 20} MiB')
    print(f'{size >> 20:,} MiB restored: paused, without a network, loaded again at {large[1] >> 20} MiB; scripts held at most {visit.heap >> 20} MiB')


def by_keyboard(visit, folder):
    """Nothing but keys, and what a screen reader is told."""
    def tab_to(selector):
        for _ in range(200):
            if visit.page.evaluate(f'document.activeElement === document.querySelector({json.dumps(selector)})'):
                return
            visit.page.keyboard.press('Tab')
        fail(f'{selector} cannot be reached by Tab')

    visit.open()
    # What the hub's own scripts do while its page loads can take the focus away.
    visit.page.wait_for_load_state('load')
    for tries in range(10):
        tab_to('#filesync-send-folder')
        try:
            with visit.page.expect_file_chooser(timeout=10000) as chooser:
                visit.page.keyboard.press('Enter')
            break
        except PlaywrightTimeout:
            check(tries < 9, 'the key Enter opens no choice of a folder')
    chooser.value.set_files(folder)
    visit.planned()
    pairs = visit.tree()
    unnamed = [role for role, name in pairs if role in NAMED_ROLES and name == '' and role != 'form']
    check(not unnamed, f'elements without a name: {unnamed}')
    names = {name for role, name in pairs if role == 'button'}
    check({'Restore now', 'Restore nothing'} <= names, f'buttons: {names}')
    check(any('Folder of the backup' in name for _, name in pairs), 'the field for the folder has no label')
    check(visit.sees('#filesync-trust'), 'the owner of a set that nobody signed is not asked whether it is the own one')
    check('status' in {role for role, _ in pairs}, 'nothing is read out')
    visit.page.evaluate("""() => {
        window.told = [];
        new MutationObserver(() => window.told.push(document.getElementById('filesync-send-say').textContent))
            .observe(document.getElementById('filesync-send-say'), {childList: true, characterData: true, subtree: true});
    }""")
    tab_to('#filesync-start')
    visit.page.keyboard.press('Enter')
    visit.wait('a button under the keys', lambda: visit.page.evaluate('document.activeElement.id') == 'filesync-send-pause'
               or 'Restored' in visit.page.inner_text('#filesync-send-page'))
    visit.restored()
    told = visit.page.evaluate('window.told')
    check(any('being sent' in line for line in told) and any(line.startswith('Restored') for line in told), f'read out was only {told}')
    check(len(told) < 40, f'too much is read out: {told}')
    focus = visit.page.evaluate('document.activeElement.id')
    check(focus == 'filesync-restore-title', f'the keys are at {focus!r} at the end')
    print(f'by keyboard alone; {len(told)} lines were read out')


def wrong_folders(visit, folder, scratch):
    """Folders that have no set, or one that cannot be read, are named."""
    def changed(name):
        place = os.path.join(scratch, name)
        shutil.copytree(folder, place)
        return place

    def says(place, words):
        visit.open()
        visit.choose(place)
        visit.wait(words, lambda: visit.sees('#filesync-send-alert') or visit.sees('#filesync-send-copy') or visit.sees('#filesync-discard'))
        check(words in visit.page.inner_text('#filesync-send-page'), f'{words!r} is not said of {place}: {visit.page.inner_text("#filesync-send-page")}')

    def about(place, **values):
        path = os.path.join(place, 'set.json')
        with open(path, encoding='utf-8') as file:
            said = json.load(file)
        said.update(values)
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(said, file)

    os.makedirs(os.path.join(scratch, 'none'))
    with open(os.path.join(scratch, 'none', 'a.txt'), 'w', encoding='utf-8') as file:
        file.write('not a set')
    says(os.path.join(scratch, 'none'), 'There is no set.json')
    os.rename(os.path.join(scratch, 'none', 'a.txt'), os.path.join(scratch, 'none', 'backup.zip'))
    says(os.path.join(scratch, 'none'), 'backup.zip is an archive')
    about(changed('newer'), filesync_set=2)
    says(os.path.join(scratch, 'newer'), 'has format 2')
    about(changed('other'), channel={'hash': 'somebody-else', 'nick': 'bob'})
    says(os.path.join(scratch, 'other'), 'This set is of bob@')
    visit.shoot('other')
    with open(os.path.join(changed('cut'), 'run.json.partial'), 'w', encoding='utf-8') as file:
        json.dump({'filesync_set': 1, 'run': made_set.RUN, 'state': 'in'}, file)
    says(os.path.join(scratch, 'cut'), 'was cut off')
    with open(os.path.join(changed('harm'), 'manifest-sha256.txt'), 'a', encoding='utf-8') as file:
        file.write(f'{"0" * 64}  data/files/../../x\n')
    says(os.path.join(scratch, 'harm'), '"data/files/../../x"')
    shutil.rmtree(scratch)


def damaged_files(visit, folder, label, count):
    """A damaged, a cut and a missing file are named; all others come."""
    files = [os.path.join(folder, f'data/files/{label} 000', f'file {number:05}.bin') for number in range(3)]
    with open(files[0], 'r+b') as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))
    os.truncate(files[1], 100)
    os.remove(files[2])
    visit.open()
    visit.choose(folder)
    visit.planned()
    check('not in the folder: 1' in visit.text('missing-count') and 'not what was saved: 1' in visit.text('damaged-count'),
          visit.page.inner_text('#filesync-send-page'))
    check(f'{label} 000/file 00001.bin' in visit.page.text_content('#filesync-send-damaged-names'), 'the cut file is not named')
    visit.page.click('#filesync-start')
    visit.restored()
    check(f'{label} 000/file 00000.bin' in visit.page.text_content('#filesync-send-unsent-names'), 'the damaged file is not named')
    lines = visit.page.inner_text('#filesync-restore-lines')
    check(f'{count - 3:,} files' in lines, lines)
    check('are missing in the backup set: 3' in visit.page.inner_text('#filesync-restore'), visit.page.inner_text('#filesync-restore'))
    visit.shoot('damaged')
    print(f'3 of {count} damaged, cut and missing: named, and the others restored')


def deleted_and_changed(visit, folder, label, nick, password):
    """What was deleted or changed since stays, unless it is asked for."""
    dav = f'{visit.hub}/dav/{nick}/' + urllib.parse.quote(f'{label} 000/')
    auth = {'Authorization': 'Basic ' + base64.b64encode(f'{nick}:{password}'.encode()).decode()}
    for number in (10, 11):
        check(visit.context.request.delete(f'{dav}file%20{number:05}.bin', headers=auth).ok, 'a file cannot be deleted')
    check(visit.context.request.put(f'{dav}file%2000012.bin', headers=auth, data=b'changed').ok, 'a file cannot be changed')
    visit.open()
    visit.choose(folder)
    visit.planned()
    said = visit.page.inner_text('#filesync-restore')
    check('were deleted since and stay deleted: 2' in said and 'differ here and stay: 1' in said, said)
    visit.page.click('#filesync-restore summary >> nth=0')
    visit.shoot('plan')
    # The box is beneath the list of what was deleted, and what it adds is counted before it is done.
    check(re.search(r'stay deleted[\s\S]*Also restore what was deleted', said), said)
    visit.page.check('#filesync-deleted')
    visit.page.check('#filesync-replace')
    visit.page.click('#filesync-start' if visit.sees('#filesync-start') else '#filesync-change')
    visit.wait('the count', lambda: visit.sees('#filesync-start') and 'of these replaced' in visit.page.inner_text('#filesync-restore'))
    said = visit.page.inner_text('#filesync-restore')
    check('of these deleted before: 2 files' in said and 'of these replaced: 1 file' in said, said)
    visit.page.click('#filesync-start')
    visit.restored()
    check('3 files' in visit.page.inner_text('#filesync-restore-lines'), visit.page.inner_text('#filesync-restore-lines'))
    print('2 deleted and 1 changed: they stay, and come back when they are asked for')


def looks(browser, said, folder):
    """The page in the dark, and on a phone."""
    for name, options in [
        ('dark', {'color_scheme': 'dark', 'viewport': {'width': 1200, 'height': 900}}),
        ('phone', {'viewport': {'width': 390, 'height': 844}, 'is_mobile': True, 'has_touch': True}),
    ]:
        visit = Visit(browser, said.hub, said.nick, said.password, said.shots, **options)
        if name == 'dark':
            # What the hub's own switch does.
            visit.context.add_init_script(
                "document.addEventListener('DOMContentLoaded', () => document.documentElement.setAttribute('data-bs-theme', 'dark'))")
            visit.open()
        visit.shoot(f'{name}-1')
        visit.choose(folder)
        visit.planned()
        visit.shoot(f'{name}-2')
        width = visit.page.evaluate('[document.getElementById("filesync-send-page").scrollWidth, window.innerWidth]')
        check(width[0] <= width[1], f'the page is {width[0]} wide on a screen of {width[1]}')
        visit.page.click('#filesync-discard')
        visit.wait('the end of it', lambda: not visit.sees('#filesync-send-about'))
        visit.page.goto(f'{said.hub}/filesync/backup')
        visit.shoot(f'{name}-backup')
        visit.close()


def without_script(browser, said):
    visit_state = browser.new_context(ignore_https_errors=True)
    log_in(visit_state.new_page(), said.hub, said.nick, said.password)
    bare = browser.new_context(ignore_https_errors=True, java_script_enabled=False, storage_state=visit_state.storage_state())
    page = bare.new_page()
    page.goto(said.hub + PAGE)
    text = page.inner_text('#filesync-send-page')
    check('the command filesync' in text and 'Folder of the backup' not in text, text)
    if said.shots:
        page.screenshot(path=os.path.join(said.shots, 'without-script.png'), full_page=True)
    bare.close()
    visit_state.close()
    print('without JavaScript the other ways are named')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ('hub', 'nick', 'password'):
        parser.add_argument(name)
    parser.add_argument('--files', type=int, default=10000)
    parser.add_argument('--large', type=int, default=2 << 30)
    parser.add_argument('--shots')
    parser.add_argument('--seed', type=int, default=int(time.time()), help='other files, and other names, for each')
    parser.add_argument('--keep', help='a folder for the sets, which stay there')
    said = parser.parse_args()
    if said.shots:
        os.makedirs(said.shots, exist_ok=True)
    print(f'seed {said.seed}')
    scratch = said.keep or tempfile.mkdtemp(prefix='filesync-browser-')
    try:
        with sync_playwright() as playwright:
            chromium = os.environ.get('CHROMIUM') or shutil.which('chromium') or shutil.which('chromium-browser')
            browser = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
            visit = Visit(browser, said.hub, said.nick, said.password, said.shots, viewport={'width': 1200, 'height': 900})
            channel = visit.channel()
            visit.clear()

            def label(name):
                return f'{name} {said.seed}'

            def made(name, files, seed, large=0):
                folder = os.path.join(scratch, name)
                if not os.path.isdir(folder):
                    made_set.make(folder, channel, files, seed=said.seed + seed, large=large, nick=said.nick, url=said.hub, label=label(name))
                return folder

            without_script(browser, said)
            few = made('few', 40, 1)
            by_keyboard(visit, few)
            deleted_and_changed(visit, few, label('few'), said.nick, said.password)
            wrong_folders(visit, few, os.path.join(scratch, 'wrong'))
            looks(browser, said, made('looks', 40, 2))
            damaged_files(visit, made('damaged', 30, 3), label('damaged'), 30)
            many_files(visit, made('many', said.files, 4), said.files)
            large_file(visit, made('large', 10, 5, said.large), said.large)
            visit.close()
            browser.close()
    finally:
        if not said.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    print(f'all of it: {said.files:,} small files and one of {said.large >> 20:,} MiB through the page, by keys, and with what is wrong')


if __name__ == '__main__':
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
