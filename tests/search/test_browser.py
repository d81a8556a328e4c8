"""The page in Chromium, as a person uses it."""

import base64
import contextlib
import threading

import numpy as np
import pytest

from tests.data import photos
from tests.search import browser, small
from tfhash.search import server

TAB, ENTER, RIGHT = "\ue004", "\ue007", "\ue014"
ANSWERS = "return document.querySelectorAll('#answers button').length"
LOADED = (
    "const all = [...document.querySelectorAll('#answers img')];"
    "return all.length && all.every((one) => one.complete && one.naturalWidth)"
)
# What a drop or a paste of a file is to a page: the file comes as base64.
GIVE = """
const bytes = Uint8Array.from(atob(arguments[1]), (one) => one.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], "given.png", {type: "image/png"}));
const name = arguments[0] === "drop" ? "dataTransfer" : "clipboardData";
const kind = arguments[0] === "drop" ? DragEvent : ClipboardEvent;
window.dispatchEvent(new kind(arguments[0], {[name]: data, bubbles: true}));
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where a page shows 30 images, with 0 to 14 ones in their codes, in two folders."""
    folder = tmp_path_factory.mktemp("place") / "photos"
    values = {f"{'odd' if n % 2 else 'even'}__photo_{n:02}": n // 2 for n in range(30)}
    small.write(folder, **values)
    with contextlib.closing(small.session(folder, most_megapixels=1)) as session:
        with server.bound("127.0.0.1", 0) as listening:
            made = server.Server(session, listening)
        with contextlib.closing(made):
            thread = threading.Thread(target=made.run)
            thread.start()
            yield made.address
            made.stop()
            thread.join()


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """A browser."""
    with browser.opened(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def shown(window, address):
    """The page, just opened, in a window 1280 pixels wide."""
    window.go("about:blank")
    window.resize(1280)
    window.requested(), window.complaints()
    window.go(address)
    window.wait("return document.getElementById('about').innerText")
    return window


def upload(shown, path, value):
    """Chooses a file of an image of one colour, and waits for its answers."""
    photos.write(path, photos.encode(".png", small.plain(value)))
    shown.type("#file", path)
    return answers_to(shown, path.name)


def answers_to(shown, name):
    """Waits for the answers to an image of a name."""
    shown.wait(
        "return document.getElementById('what').innerText.includes(arguments[0]) && "
        "/answer/.test(document.getElementById('status').innerText)",
        name,
    )
    return shown.texts("#answers button")


def test_an_image_is_chosen_and_its_answers_are_shown(shown, tmp_path):
    assert shown.text("#about") == "30 images, codes of 16 bits"
    texts = upload(shown, tmp_path / "mine.png", 4)
    assert len(texts) == 10
    assert texts[0].split("\n") == ["1", "distance 0", "photo_08.png", "even/"]
    assert shown.wait(LOADED)
    status = shown.text("#status")
    assert status.startswith("10 answers in ") and status.endswith(" ms")


def test_a_click_on_an_answer_searches_on_and_back_goes_back(shown, tmp_path):
    upload(shown, tmp_path / "mine.png", 4)
    shown.click("#answers li:nth-child(10) button")
    answers_to(shown, "photo_")
    [own] = shown.texts("#answers button.own")
    own = own.split("\n")
    assert own[:2] == ["query", "distance 0"]
    assert shown.text("#what") == own[3] + own[2]
    shown.back()
    assert answers_to(shown, "mine.png")[0].split("\n")[2] == "photo_08.png"
    shown.back()
    shown.wait("return document.getElementById('status').innerText === ''")
    assert shown.script(ANSWERS) == 0


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_an_image_is_dropped_or_pasted(shown, way):
    content = base64.b64encode(photos.encode(".png", small.plain(7))).decode()
    shown.script(GIVE, way, content)
    assert answers_to(shown, "given.png")[0].split("\n")[2] == "photo_14.png"


def test_more_answers_are_shown_when_asked_for(shown, tmp_path):
    upload(shown, tmp_path / "mine.png", 4)
    shown.click("#more")
    shown.wait(f"{ANSWERS} === 20")
    shown.click("#more")
    shown.wait(f"{ANSWERS} === 30")
    assert shown.script("return document.getElementById('more').hidden")


def test_only_some_paths_are_searched(shown, tmp_path):
    upload(shown, tmp_path / "mine.png", 4)
    shown.type("#within", f"odd/*{ENTER}")
    shown.wait("return document.querySelector('#answers .folder').innerText === 'odd/'")
    assert all("even/" not in text for text in shown.texts("#answers button"))
    shown.script("document.getElementById('within').value = 'nothing/*'")
    upload_fails(shown, tmp_path / "again.png", photos.encode(".png", small.plain(4)))
    assert "None fits 'nothing/*'" in shown.text("#status")


def upload_fails(shown, path, content):
    """Chooses a file, and waits for an error."""
    photos.write(path, content)
    shown.type("#file", path)
    shown.wait("return document.getElementById('status').className === 'bad'")


@pytest.mark.parametrize(
    "content, words",
    [
        (b"no image at all", "no image, or a damaged one"),
        (b"", "no image, or a damaged one"),
        (photos.encode(".png", np.zeros((1200, 1000, 3), np.uint8)), "up to 1 megapixels"),
        (bytes(26 * 10**6), "larger than 25 MB"),
    ],
    ids=["text", "empty", "pixels", "bytes"],
)
def test_a_bad_file_says_what_is_wrong_and_the_next_is_answered(shown, tmp_path, content, words):
    upload(shown, tmp_path / "mine.png", 4)
    upload_fails(shown, tmp_path / "bad.png", content)
    assert words in shown.text("#status")
    assert len(upload(shown, tmp_path / "good.png", 3)) == 10


def test_it_is_used_by_the_keyboard_alone(shown, tmp_path):
    """Tab reaches the file, the paths and the answers; arrows go on; Enter searches on."""
    upload(shown, tmp_path / "mine.png", 4)
    shown.script("document.activeElement.blur()")
    focus = "return document.activeElement.id || document.activeElement.dataset.number"
    reached = []
    for _ in range(3):
        shown.press(TAB)
        reached.append(shown.script(focus))
    assert reached[:2] == ["file", "within"] and reached[2].isdigit()
    assert shown.script("return document.activeElement.matches(':focus-visible')")
    shown.press(RIGHT)
    second = shown.script("return document.activeElement.getAttribute('aria-label')")
    assert shown.script(focus) not in reached
    shown.press(ENTER)
    answers_to(shown, second.split(",")[0])


@pytest.mark.parametrize("width, columns", [(390, 2), (1280, 6)])
def test_it_fits_a_phone_and_a_desk(shown, tmp_path, width, columns):
    shown.resize(width)
    upload(shown, tmp_path / "mine.png", 4)
    assert shown.wait(LOADED)
    inside = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert shown.script(inside)
    tops = shown.script(
        "return [...document.querySelectorAll('#answers button')].map((one) => one.offsetTop)"
    )
    assert tops.count(tops[0]) == columns
    small_ones = shown.script(
        "return [...document.querySelectorAll('#answers button, #drop, #more')]"
        ".filter((one) => one.offsetHeight < 36 || one.offsetWidth < 36).length"
    )
    assert small_ones == 0


def test_nothing_is_asked_of_another_host_and_nothing_is_blocked(shown, address, tmp_path):
    upload(shown, tmp_path / "mine.png", 4)
    assert shown.wait(LOADED)
    asked = [one for one in shown.requested() if not one.startswith(("blob:", "data:", "about:"))]
    assert len(asked) > 10 and all(one.startswith(address) for one in asked)
    assert shown.complaints() == []


def test_a_script_from_elsewhere_would_be_blocked(shown):
    """The policy is in force: what the page does not hold does not run."""
    shown.script(
        "const one = document.createElement('script'); one.textContent = 'window.ran = true';"
        "document.body.append(one)"
    )
    assert shown.script("return window.ran || false") is False
    assert any("Content Security Policy" in one for one in shown.complaints())


def test_dark_colours_follow_the_system(shown):
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = shown.script(colour)
    shown.dark(True)
    assert shown.script(colour) != light
    shown.dark(False)


def test_a_program_that_has_ended_is_said(shown, tmp_path):
    shown.command("Network.enable", {})
    conditions = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    shown.command("Network.emulateNetworkConditions", conditions)
    upload_fails(shown, tmp_path / "mine.png", photos.encode(".png", small.plain(4)))
    assert "does not answer" in shown.text("#status")
    online = conditions | {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
    shown.command("Network.emulateNetworkConditions", online)
