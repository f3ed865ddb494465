"""The page /filesync/restore of a hub in headless Firefox, through Marionette, which speaks JSON over a socket: a folder is chosen by keyboard, paused, loaded again in
the middle, and restored. Firefox lets no driver give a folder to a file field; what the owner would see, the choice of a folder, answers at once instead.

    firefox.py HUB NICK PASSWORD --keep FOLDER [--files N] [--large BYTES] [--shots FOLDER]
"""

import argparse
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import made_set

PAGE = '/filesync/restore'
PATIENCE = 600
ASKED = 15
# A question of Firefox cannot be answered within its first second: a driver that tries waits for ever.
SETTINGS = {'marionette.port': 0, 'security.dialog_enable_delay': 0, 'browser.shell.checkDefaultBrowser': False, 'intl.accept_languages': 'en'}
# Answers for the dialog of the desktop, in the process that shows it.
CHOICE = """
    const [folder] = arguments;
    const file = Components.classes['@mozilla.org/file/local;1'].createInstance(Components.interfaces.nsIFile);
    file.initWithPath(folder);
    const dialog = {
        QueryInterface: ChromeUtils.generateQI(['nsIFilePicker']),
        init() {}, appendFilters() {}, appendFilter() {}, appendRawFilter() {}, isModeSupported: () => Promise.resolve(true),
        open(callback) { Services.tm.dispatchToMainThread(() => callback.done(Components.interfaces.nsIFilePicker.returnOK)); },
        file, fileURL: Services.io.newFileURI(file), filterIndex: 0, defaultString: '', defaultExtension: '', displayDirectory: null, displaySpecialDirectory: '',
        addToRecentDocs: false, okButtonLabel: '', capture: 0, mode: 2,
        get files() { return [file].values(); },
    };
    const registrar = Components.manager.QueryInterface(Components.interfaces.nsIComponentRegistrar);
    const factory = {createInstance: (iid) => dialog.QueryInterface(iid), QueryInterface: ChromeUtils.generateQI(['nsIFactory'])};
    registrar.registerFactory(Services.uuid.generateUUID(), '', '@mozilla.org/filepicker;1', factory);
"""


class Firefox:
    """A headless Firefox with a profile of its own."""

    def __init__(self, scratch):
        self.profile = tempfile.mkdtemp(dir=scratch)
        with open(os.path.join(self.profile, 'user.js'), 'w', encoding='utf-8') as file:
            file.writelines(f'user_pref({json.dumps(name)}, {json.dumps(value)});\n' for name, value in SETTINGS.items())
        self.log = open(os.path.join(self.profile, 'log'), 'w', encoding='utf-8')
        self.process = subprocess.Popen(['firefox-esr', '--headless', '--marionette', '--remote-allow-system-access', '--no-remote', '--profile', self.profile],
                                        stdout=self.log, stderr=subprocess.STDOUT, env={**os.environ, 'HOME': self.profile, 'MOZ_HEADLESS_WIDTH': '1280', 'MOZ_HEADLESS_HEIGHT': '1600'})
        self.count, self.answers = 0, {}
        self.socket = self.connect()
        self.lines = self.socket.makefile('rb')
        self.receive()
        self.ask('WebDriver:NewSession', acceptInsecureCerts=True, unhandledPromptBehavior='ignore')

    def connect(self):
        """It writes down which port it took."""
        path = os.path.join(self.profile, 'MarionetteActivePort')
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            check(self.process.poll() is None, f'Firefox ended: see {self.log.name}')
            try:
                with open(path, encoding='utf-8') as file:
                    return socket.create_connection(('127.0.0.1', int(file.read())))
            except (OSError, ValueError):
                time.sleep(0.2)
        return fail('Firefox does not start')

    def receive(self):
        length = b''
        while not length.endswith(b':'):
            length += self.lines.read(1)
        return json.loads(self.lines.read(int(length[:-1])))

    def begin(self, name, values):
        """Sends a command, which may wait for others; returns its number."""
        self.count += 1
        text = json.dumps([0, self.count, name, values]).encode()
        self.socket.sendall(str(len(text)).encode() + b':' + text)
        return self.count

    def end(self, number):
        """Returns what a command failed with, if it did, and what it answered."""
        while number not in self.answers:
            _, other, error, said = self.receive()
            self.answers[other] = (error, said)
        return self.answers.pop(number)

    def ask(self, name, **values):
        error, said = self.end(self.begin(name, values))
        check(error is None, f'{name}: {error and error["message"]}')
        return said.get('value') if isinstance(said, dict) else said

    def consents(self):
        """Says yes to what Firefox asks next; tells whether it asked."""
        end = time.monotonic() + ASKED
        while time.monotonic() < end:
            if self.end(self.begin('WebDriver:AcceptAlert', {}))[0] is None:
                return True
            time.sleep(0.1)
        return False

    def run(self, script, *values, outside=False):
        """Runs a script in the page, or in the browser around it."""
        if outside:
            self.ask('Marionette:SetContext', value='chrome')
        said = self.ask('WebDriver:ExecuteScript', script=script, args=list(values), sandbox='system' if outside else 'default', newSandbox=False)
        if outside:
            self.ask('Marionette:SetContext', value='content')
        return said

    def open(self, url):
        self.ask('WebDriver:Navigate', url=url)

    def enter(self, asks=False):
        """Presses the key Enter; with `asks` says yes to what Firefox asks then, before the key is up again, and tells whether it asked."""
        pressing = self.begin('WebDriver:PerformActions', {'actions': [{'type': 'key', 'id': 'keys', 'actions': [{'type': 'keyDown', 'value': '\ue007'}]}]})
        asked = asks and self.consents()
        self.end(pressing)
        self.ask('WebDriver:ReleaseActions')
        return asked

    def shoot(self, path):
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.ask('WebDriver:TakeScreenshot', full=True)))

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def fail(words):
    sys.exit(words)


def check(is_so, words):
    if not is_so:
        fail(words)


class Visit:
    """The owner at the page."""

    def __init__(self, firefox, hub, nick, password, shots):
        self.firefox, self.hub, self.shots = firefox, hub, shots
        firefox.open(f'{hub}/login')
        firefox.run("""
            const field = document.querySelector('input[name=main_login_password]');
            field.form.querySelector('input[name=main_login_username]').value = arguments[0];
            field.value = arguments[1];
            field.focus();""", nick, password)
        firefox.enter()
        self.wait('the log-in', lambda: not firefox.run("return location.pathname.endsWith('/login')"))
        self.open()

    def open(self):
        self.firefox.open(self.hub + PAGE)
        self.wait('the script of the page', lambda: self.firefox.run('return window.wrappedJSObject ? !!window.wrappedJSObject.FilesyncDoor : !!window.FilesyncDoor'))

    def sees(self, name):
        return self.firefox.run('const one = document.getElementById(arguments[0]); return !!one && one.getClientRects().length > 0', name)

    def text(self):
        return self.firefox.run("return (document.getElementById('filesync-send-page') || {innerText: ''}).innerText")

    def value(self):
        return self.firefox.run("return document.getElementById('filesync-send-bar').value")

    def wait(self, what, is_so):
        end = time.monotonic() + PATIENCE
        while not is_so():
            if time.monotonic() > end:
                fail(f'waits for {what} in vain; the page says:\n{self.firefox.run("return document.body ? document.body.innerText : location.href")}')
            time.sleep(0.1)

    def press(self, name, asks=False):
        """Presses a button by the key Enter."""
        self.firefox.run('document.getElementById(arguments[0]).focus()', name)
        return self.firefox.enter(asks)

    def choose(self, folder):
        self.firefox.run(CHOICE, folder, outside=True)
        # Firefox asks whether all files of that folder may be sent. What the hub's own scripts do while its page loads can take the focus away.
        for tries in range(10):
            if self.press('filesync-send-folder', asks=True):
                break
            check(tries < 9, 'the key Enter opens no choice of a folder')
        self.wait('the plan', lambda: self.sees('filesync-discard') or self.sees('filesync-send-alert'))
        check(not self.sees('filesync-send-alert'), f'the page says: {self.text()}')

    def restored(self):
        self.wait('the end', lambda: 'Restored' in self.text() or self.sees('filesync-send-alert'))
        check(not self.sees('filesync-send-alert'), f'the page says: {self.text()}')

    def shoot(self, name):
        if self.shots:
            self.firefox.shoot(os.path.join(self.shots, f'firefox-{name}.png'))


def restore(visit, folder, count):
    """Many small files."""
    visit.choose(folder)
    check(f'{count:,} files' in visit.text(), visit.text())
    visit.shoot('plan')
    visit.press('filesync-start')
    visit.restored()
    visit.shoot('restored')
    visit.choose(folder)
    check('No file is missing.' in visit.text(), visit.text())
    visit.press('filesync-discard')
    visit.wait('the end of it', lambda: not visit.sees('filesync-send-about'))
    print(f'{count:,} files restored in Firefox {visit.firefox.run("return navigator.userAgent").rsplit("/", 1)[1]}, by the keyboard')


def restore_large(visit, folder, size):
    """A large file: paused, and the page loaded again in the middle. That no piece is sent twice, browser.py sees."""
    visit.choose(folder)
    visit.press('filesync-start')
    visit.wait('some of it', lambda: visit.value() > 0.1)
    visit.press('filesync-send-pause')
    visit.wait('the pause', lambda: visit.sees('filesync-send-on'))
    paused = visit.value()
    visit.shoot('paused')
    visit.press('filesync-send-on')
    visit.wait('more of it', lambda: visit.value() > paused + 0.05)
    loaded = visit.value()
    visit.open()
    visit.wait('what is under way', lambda: visit.sees('filesync-send-running'))
    visit.choose(folder)
    visit.press('filesync-start')
    visit.restored()
    print(f'{size >> 20:,} MiB restored in Firefox: paused at {paused:.0%}, and loaded again at {loaded:.0%}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('hub')
    parser.add_argument('nick')
    parser.add_argument('password')
    parser.add_argument('--files', type=int, default=1000)
    parser.add_argument('--large', type=int, default=500 << 20)
    parser.add_argument('--keep', required=True)
    parser.add_argument('--shots')
    said = parser.parse_args()
    if said.shots:
        os.makedirs(said.shots, exist_ok=True)
    scratch = tempfile.mkdtemp()
    firefox = Firefox(scratch)
    try:
        visit = Visit(firefox, said.hub, said.nick, said.password, said.shots)
        channel = firefox.run("return document.getElementById('filesync-send').dataset.channel")
        seed = int(time.time())
        for name, files, large in (('many', said.files, 0), ('large', 1, said.large)):
            made_set.make(os.path.join(said.keep, name), channel, files, seed=seed, label=f'firefox {name} {seed}', large=large)
            seed += 1
        restore(visit, os.path.join(said.keep, 'many'), said.files)
        restore_large(visit, os.path.join(said.keep, 'large'), said.large)
    finally:
        firefox.close()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    main()
