"""The page brings all it needs, and plays what it was given, in a real browser too."""

from __future__ import annotations

import base64
import json
import re
import shutil
import time

import numpy as np
import pytest
import torch

from stgraph import layouts
from stgraph.player import Scene, player_page, write_player

JOINTS = layouts.COCO17.num_joints


def moving(persons: int = 2, frames: int = 6, channels: int = 3):
    keypoints = torch.randn(persons, frames, JOINTS, channels)
    keypoints[0, 2, 5] = torch.nan
    return keypoints


def scenes_of(page: str):
    found = re.search(r'<script type="application/json" id="scenes">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found[1])


def unpacked(text: str, *shape: int):
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)


@pytest.mark.parametrize(
    ("view", "axes"),
    [
        ("y", lambda x, y, z: (x, y, z)),
        ("kinect", lambda x, y, z: (x, y, z)),
        ("image", lambda x, y, z: (x, -y, -z)),
        ("z", lambda x, y, z: (x, z, -y)),
        ("aligned", lambda x, y, z: (x, z, -y)),
    ],
)
def test_points_stand_upright_on_the_page(view, axes):
    keypoints = moving()
    (scene,) = scenes_of(player_page([Scene("walk", keypoints, layouts.COCO17, view=view)]))
    points = unpacked(scene["points"], 6, 2, JOINTS, 3)
    wanted = np.stack(axes(*keypoints.permute(3, 1, 0, 2).numpy()), axis=-1)
    np.testing.assert_array_equal(points, wanted)
    assert np.isnan(points[2, 0, 5]).all()
    assert scene["front"] == (-1 if view in ("kinect", "aligned") else 1)


def test_flat_clips_lie_in_a_plane_and_scores_are_left_out():
    keypoints = moving()
    scene = Scene("flat", keypoints, layouts.COCO17, coordinates=2, view="image")
    assert not scene.points[..., 2].nan_to_num().any()
    assert torch.equal(scene.points[0, 1, :, 0], keypoints[1, 0, :, 0])


def test_what_a_network_sees_comes_along():
    shares = torch.tensor([[0.1, 0.2, 0.7], [0.1, 0.6, 0.3]])
    response = torch.rand(2, 6, JOINTS)
    seen = {"class_names": ("a", "b", "c"), "class_frames": torch.tensor([0, 4])}
    scene = Scene("x", moving(), layouts.COCO17, response=response, class_shares=shares, **seen)
    (found,) = scenes_of(player_page([scene]))
    assert found["classes"]["names"] == ["c", "b", "a"]  # most probable on the whole first
    assert found["classes"]["shares"][1] == [0.3, 0.6, 0.1] and found["classes"]["frames"] == [0, 4]
    np.testing.assert_array_equal(
        unpacked(found["response"], 6, 2, JOINTS), response.transpose(0, 1)
    )


def test_the_page_needs_nothing_else_and_says_whose_work_it_holds():
    page = player_page([Scene("walk", moving(), layouts.COCO17)], title="a < b")
    assert "<title>a &lt; b</title>" in page and "three.js authors" in page.lower()
    outside = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page)
    assert not outside
    own = page.split("</script>")[-2]
    assert "window.player" in own and not re.search(r"\b(import|fetch|XMLHttpRequest)\b", own)


def test_names_cannot_end_the_script():
    name = "</script><b><!--<script>"
    page = player_page([Scene(name, moving(), layouts.COCO17)])
    assert name not in page and "<!--<script>" not in page
    assert scenes_of(page)[0]["name"] == name


def test_bodies_of_zeros_do_not_make_the_others_small():
    keypoints = torch.zeros(2, 9, JOINTS, 3)
    keypoints[0, :2] = 1.5 * torch.eye(JOINTS)[:, :3]
    assert Scene("padded", keypoints, layouts.COCO17).size == 1.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"keypoints": torch.zeros(1, 4, 9, 3)}, "17 joints"),
        ({"keypoints": torch.zeros(1, 0, JOINTS, 3)}, "found"),
        ({"coordinates": 4}, "2 or 3 of 3 channels"),
        ({"fps": 0}, "frames a second; found 0"),
        ({"keypoints": torch.full((1, 4, JOINTS, 3), torch.nan)}, "somebody to be seen"),
        ({"response": torch.zeros(2, 6, 3)}, "expected responses"),
        ({"class_shares": torch.ones(2, 3)}, "belong together"),
        ({"class_shares": torch.ones(2, 3), "class_frames": torch.arange(2)}, "belong together"),
    ],
)
def test_scenes_that_do_not_fit_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Scene(**{"name": "x", "keypoints": moving(), "layout": layouts.COCO17, **options})


def test_a_page_without_clips_is_refused():
    with pytest.raises(ValueError, match="at least one clip"):
        player_page([])


def chromium(*arguments: str):
    """A headless Chromium, which the caller quits; without one the test is skipped."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    driver, program = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or program is None:
        pytest.skip("there is no Chromium with its driver here")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    window = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,700")
    for argument in (*window, *arguments):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(driver))


@pytest.fixture(scope="module")
def browser():
    found = chromium("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
    yield found
    found.quit()


@pytest.fixture
def page(browser, tmp_path):
    torch.manual_seed(0)
    seen = {
        "class_names": ("sit", "stand"),
        "class_frames": torch.tensor([0, 3]),
        "class_shares": torch.tensor([[0.9, 0.1], [0.2, 0.8]]),
    }
    walk = moving()
    scenes = [
        Scene(
            "walk",
            walk,
            layouts.COCO17,
            response=torch.rand(2, 6, JOINTS),
            label="w",
            speaks="sit",
            **seen,
        ),
        Scene("still", walk[:1, :1], layouts.COCO17, fps=10, view="kinect"),
    ]
    write_player(scenes, tmp_path / "page.html")
    browser.get((tmp_path / "page.html").as_uri())
    browser.execute_script("player.playing = false; player.go(0)")
    return browser, walk


def press(driver, *keys: str) -> None:
    driver.switch_to.active_element.send_keys(*keys)


def test_a_browser_plays_without_complaint(page):
    driver, _ = page
    driver.execute_script("player.toggle()")
    deadline = time.monotonic() + 20
    while driver.execute_script("return player.frame") == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert driver.execute_script("return player.frame") > 0
    assert driver.get_log("browser") == []


def test_scrubbing_moves_the_joints(page):
    driver, walk = page
    for frame in (0, 3):
        driver.execute_script(
            "const slider = document.getElementById('frame'); slider.value = arguments[0];"
            "slider.dispatchEvent(new Event('input'))",
            frame,
        )
        joints = driver.execute_script("return player.positions()")
        wanted = walk[:, frame].reshape(-1, 3)
        np.testing.assert_allclose(np.array(joints, dtype=float), wanted, rtol=1e-5)
    driver.execute_script("player.go(2)")
    assert driver.execute_script("return player.positions()")[5] is None  # it was not seen
    assert driver.get_log("browser") == []


def test_keys_move_and_change_clips(page):
    driver, _ = page
    arrow_right, home, end = "\ue014", "\ue011", "\ue010"
    told = "return [player.number, player.frame]"
    for key, wanted in ((arrow_right, [0, 1]), (end, [0, 5]), (home, [0, 0]), ("]", [1, 0])):
        press(driver, key)
        assert driver.execute_script(told) == wanted
    press(driver, "[")
    assert driver.execute_script(told) == [0, 0]
    assert driver.get_log("browser") == []


def test_keys_play_change_speed_and_responses_turn_back_and_help(page):
    driver, _ = page
    for key, told, wanted in (
        (" ", "document.getElementById('play').textContent", "pause"),
        (" ", "player.playing", False),
        ("+", "player.speed", 4),
        ("-", "player.speed", 3),
        ("c", "document.getElementById('heat').checked", False),
        ("c", "document.getElementById('heat').checked", True),
        ("?", "document.getElementById('keys').hidden", False),
        ("?", "document.getElementById('keys').hidden", True),
    ):
        press(driver, key)
        assert driver.execute_script(f"return {told}") == wanted, (key, told)
    place = "return player.stage.camera.position.toArray()"
    before = driver.execute_script(place)
    driver.execute_script("player.stage.camera.position.x += 3; player.stage.controls.update()")
    assert driver.execute_script(place) != before
    press(driver, "r")
    np.testing.assert_allclose(driver.execute_script(place), before)
    assert driver.get_log("browser") == []


def test_the_class_is_said_and_the_viewer_stands_in_front(page):
    driver, _ = page
    told = "return document.getElementById('truth').textContent"
    side = "return player.stage.camera.position.z - player.stage.controls.target.z"
    assert driver.execute_script(told) == "class: w" and driver.execute_script(side) > 0
    driver.execute_script("player.open(1)")
    assert driver.execute_script(told) == "" and driver.execute_script(side) < 0  # as the sensor


def test_responses_are_sizes_that_a_key_takes_away(page):
    driver, _ = page
    sizes = (
        "return Array.from(player.stage.balls.instanceMatrix.array).filter((_, i) => i % 16 == 0)"
    )
    before = np.array(driver.execute_script(sizes))
    press(driver, "c")
    after = np.array(driver.execute_script(sizes))
    assert before.std() > 0.01 * before.mean() and after.std() == pytest.approx(0, abs=1e-6)
    press(driver, "c")
    np.testing.assert_array_equal(driver.execute_script(sizes), before)


def test_one_clip_is_named(browser, tmp_path):
    write_player([Scene("walk", moving(), layouts.COCO17, label="w")], tmp_path / "page.html")
    browser.get((tmp_path / "page.html").as_uri())
    told = "return document.getElementById('truth').textContent"
    assert browser.execute_script(told) == "walk, class: w"


def test_without_webgl_the_page_says_so(tmp_path):
    driver = chromium("--disable-3d-apis")
    write_player([Scene("walk", moving(), layouts.COCO17)], tmp_path / "page.html")
    try:
        driver.get((tmp_path / "page.html").as_uri())
        assert "WebGL 2" in driver.find_element("tag name", "body").text
    finally:
        driver.quit()


def test_keys_are_the_players_again_after_a_choice_and_space_presses_a_button(page):
    driver, _ = page
    driver.execute_script(
        "const list = document.getElementById('speed'); list.focus(); list.value = 0;"
        "list.dispatchEvent(new Event('change'))"
    )
    press(driver, "\ue014")
    assert driver.execute_script("return [player.speed, player.frame]") == [0, 1]
    driver.execute_script("document.getElementById('play').focus()")
    press(driver, " ")
    assert driver.execute_script("return player.playing") is True  # once, not there and back


def test_the_page_says_what_responses_speak_for(page):
    driver, _ = page
    told = "return document.getElementById('speaks').textContent"
    assert driver.execute_script(told) == "responses: sit"
    assert driver.execute_script("return document.getElementById('heat-label').hidden") is False
    driver.execute_script("player.open(1)")
    assert driver.execute_script("return document.getElementById('heat-label').hidden") is True


def test_bars_follow_the_frame(page):
    driver, _ = page
    texts = []
    for frame in (2, 3):
        driver.execute_script("player.go(arguments[0])", frame)
        texts.append(driver.execute_script("return document.getElementById('classes').innerText"))
    assert ["90" in text for text in texts] == [True, False] and "80" in texts[1]


def test_something_is_drawn_and_turns(page):
    driver, _ = page
    count = (
        "player.stage.render(); const gl = player.stage.renderer.getContext();"
        "const [w, h] = [gl.drawingBufferWidth, gl.drawingBufferHeight];"
        "const pixels = new Uint8Array(4 * w * h);"
        "gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, pixels);"
        "return Array.from(pixels.filter((_, i) => i % 4 == 2))"
    )
    before = np.array(driver.execute_script(count))
    driver.execute_script("player.stage.camera.position.x += 3; player.stage.controls.update()")
    after = np.array(driver.execute_script(count))
    assert before.std() > 1 and (before != after).mean() > 0.01
