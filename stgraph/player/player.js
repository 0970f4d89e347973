"use strict";

// Plays the scenes that the page brings along. A scene is one clip: points [frames, persons, joints, 3]
// with y upwards, NaN where a joint was not seen, and perhaps responses and probabilities of classes.

const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
const HOT = new THREE.Color("#f0e442");
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
const KEYS = {
  "space": "play or pause", "← →": "one frame", "shift + ← →": "ten frames", "home, end": "first, last frame",
  "− +": "slower, faster", "[ ]": "previous, next clip", "c": "responses", "r": "view from the front",
};
const at = (id) => document.getElementById(id);

function numbers(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

const scenes = JSON.parse(at("scenes").textContent).map((scene) => ({
  ...scene,
  points: numbers(scene.points),
  response: scene.response && numbers(scene.response),
}));

// The stage

class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.camera = new THREE.PerspectiveCamera(35, 1, 0.01, 1000);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    this.controls.addEventListener("change", () => this.render());
    this.world = new THREE.Scene();
    const sun = new THREE.DirectionalLight("white", 2);
    sun.position.set(1, 2, 3);
    this.world.add(new THREE.AmbientLight("white", 1.6), sun);
    this.body = new THREE.Group();
    this.world.add(this.body);
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  show(scene) {
    this.scene = scene;
    for (const thing of this.body.children) {
      thing.geometry.dispose();
      thing.material.dispose();
    }
    this.body.clear();
    const { low, high } = extent(scene.points);
    this.middle = low.clone().add(high).multiplyScalar(0.5);
    this.reach = Math.max(high.clone().sub(low).length() / 2, 1e-6);
    this.unit = scene.size * 0.02;
    const count = scene.persons * scene.joints.length;
    const ball = new THREE.SphereGeometry(1, 16, 12);
    const stick = new THREE.CylinderGeometry(1, 1, 1, 10);
    this.balls = new THREE.InstancedMesh(ball, new THREE.MeshLambertMaterial(), count);
    this.sticks = new THREE.InstancedMesh(
      stick, new THREE.MeshLambertMaterial(), Math.max(1, scene.persons * scene.bones.length));
    const floor = new THREE.GridHelper(3 * this.reach, 20, "#888888", "#888888");
    floor.material.opacity = 0.35;
    floor.material.transparent = true;
    floor.position.set(this.middle.x, low.y, this.middle.z);
    this.body.add(this.balls, this.sticks, floor);
    for (const mesh of [this.balls, this.sticks]) mesh.frustumCulled = false;
    this.face();
  }

  face() {
    const distance = 1.15 * this.reach / Math.sin(this.camera.fov * Math.PI / 360);
    this.camera.near = distance / 1000;
    this.camera.far = 100 * distance;
    this.camera.position.copy(this.middle).add(new THREE.Vector3(0, 0.15 * distance, this.scene.front * distance));
    this.controls.target.copy(this.middle);
    this.controls.update();
    this.camera.updateProjectionMatrix();
    this.render();
  }

  pose(frame, heat) {
    const { scene } = this;
    const { persons, joints, bones } = scene;
    const matrix = new THREE.Matrix4();
    for (let person = 0; person < persons; person++) {
      const color = new THREE.Color(COLORS[person % COLORS.length]);
      joints.forEach((_, joint) => {
        const point = pointAt(scene, frame, person, joint);
        const warmth = heat ? warmthAt(scene, frame, person, joint) : 0;
        const size = point ? this.unit * (1 + 1.6 * warmth) : 0;
        matrix.makeScale(size, size, size);
        if (point) matrix.setPosition(point);
        this.balls.setMatrixAt(person * joints.length + joint, matrix);
        this.balls.setColorAt(person * joints.length + joint, color.clone().lerp(HOT, warmth));
      });
      bones.forEach(([child, parent], bone) => {
        const ends = [child, parent].map((joint) => pointAt(scene, frame, person, joint));
        this.sticks.setMatrixAt(person * bones.length + bone, stickBetween(ends, 0.4 * this.unit));
        this.sticks.setColorAt(person * bones.length + bone, color);
      });
    }
    for (const mesh of [this.balls, this.sticks]) {
      mesh.instanceMatrix.needsUpdate = true;
      if (mesh.instanceColor) mesh.instanceColor.needsUpdate = true;
    }
    this.balls.computeBoundingSphere();
    this.render();
  }

  jointUnder(event) {
    const box = this.canvas.getBoundingClientRect();
    const place = new THREE.Vector2(
      2 * (event.clientX - box.left) / box.width - 1, 1 - 2 * (event.clientY - box.top) / box.height);
    const ray = new THREE.Raycaster();
    ray.setFromCamera(place, this.camera);
    const [hit] = ray.intersectObject(this.balls);
    return hit && hit.instanceId;
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    this.renderer.setPixelRatio(window.devicePixelRatio);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.render();
  }

  render() {
    this.renderer.render(this.world, this.camera);
  }
}

function pointAt(scene, frame, person, joint) {
  const start = 3 * ((frame * scene.persons + person) * scene.joints.length + joint);
  const [x, y, z] = scene.points.subarray(start, start + 3);
  return Number.isNaN(x) ? null : new THREE.Vector3(x, y, z);
}

function warmthAt(scene, frame, person, joint) {
  if (!scene.response) return 0;
  const value = scene.response[(frame * scene.persons + person) * scene.joints.length + joint];
  return Number.isNaN(value) ? 0 : Math.min(1, Math.max(0, value));
}

function stickBetween([one, other], width) {
  if (!one || !other || one.distanceTo(other) === 0) return new THREE.Matrix4().makeScale(0, 0, 0);
  const along = other.clone().sub(one);
  const turn = new THREE.Quaternion().setFromUnitVectors(new THREE.Vector3(0, 1, 0), along.clone().normalize());
  const middle = one.clone().add(other).multiplyScalar(0.5);
  return new THREE.Matrix4().compose(middle, turn, new THREE.Vector3(width, along.length(), width));
}

function extent(points) {
  const low = new THREE.Vector3(Infinity, Infinity, Infinity);
  const high = low.clone().negate();
  for (let start = 0; start < points.length; start += 3) {
    if (Number.isNaN(points[start])) continue;
    const point = new THREE.Vector3(...points.subarray(start, start + 3));
    low.min(point);
    high.max(point);
  }
  return { low, high };
}

// Classes over time

function sharesAt(classes, frame) {
  let row = 0;
  while (row + 1 < classes.frames.length && classes.frames[row + 1] <= frame) row++;
  return classes.shares[row];
}

function drawBars(scene, frame) {
  at("classes").replaceChildren(...(scene.classes ? scene.classes.names : []).map((name, number) => {
    const share = sharesAt(scene.classes, frame)[number];
    const line = document.createElement("div");
    const [label, value, bar] = ["span", "span", "i"].map((tag) => line.appendChild(document.createElement(tag)));
    label.textContent = name;
    value.textContent = `${Math.round(100 * share)} %`;
    bar.style.background = COLORS[number % COLORS.length];
    bar.style.transform = `scaleX(${share})`;
    return line;
  }));
}

function drawCurves(scene, frame) {
  const canvas = at("curves");
  canvas.hidden = !scene.classes;
  if (!scene.classes) return;
  const ratio = window.devicePixelRatio;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  const paint = canvas.getContext("2d");
  const across = (number) => number / Math.max(1, scene.frames - 1) * (canvas.width - 16 * ratio) + 8 * ratio;
  const up = (share) => canvas.height - 3 * ratio - share * (canvas.height - 6 * ratio);
  scene.classes.names.forEach((_, number) => {
    paint.beginPath();
    paint.lineWidth = 2 * ratio;
    paint.strokeStyle = COLORS[number % COLORS.length];
    paint.setLineDash([[], [8, 4], [2, 3], [8, 3, 2, 3], [14, 4]][number % 5].map((length) => length * ratio));
    scene.classes.frames.forEach((start, row) => {
      paint.lineTo(across(start), up(scene.classes.shares[row][number]));
    });
    paint.stroke();
  });
  paint.setLineDash([]);
  paint.lineWidth = ratio;
  paint.strokeStyle = getComputedStyle(document.body).color;
  paint.strokeRect(across(frame), 0, 0, canvas.height);
}

// The player

class Player {
  constructor() {
    this.stage = new Stage(at("stage"));
    this.playing = true;
    this.speed = SPEEDS.indexOf(1);
    this.open(0);
    requestAnimationFrame((now) => this.tick(now));
  }

  open(number) {
    this.number = (number + scenes.length) % scenes.length;
    this.scene = scenes[this.number];
    this.time = 0;
    at("clip").value = this.number;
    at("frame").max = this.scene.frames - 1;
    const said = [scenes.length < 2 && this.scene.name, this.scene.label && `class: ${this.scene.label}`];
    at("truth").textContent = said.filter(Boolean).join(", ");
    at("heat-label").hidden = !this.scene.response;
    at("speaks").textContent = this.scene.speaks ? `responses: ${this.scene.speaks}` : "responses";
    this.stage.show(this.scene);
    this.draw();
  }

  get frame() {
    return Math.min(this.scene.frames - 1, Math.floor(this.time));
  }

  go(frame) {
    this.time = Math.min(this.scene.frames - 1, Math.max(0, frame));
    this.draw();
  }

  step(frames) {
    this.playing = false;
    this.go(this.frame + frames);
  }

  toggle() {
    this.playing = !this.playing;
    this.draw();
  }

  faster(steps) {
    this.speed = Math.min(SPEEDS.length - 1, Math.max(0, this.speed + steps));
    this.draw();
  }

  tick(now) {
    const seconds = Math.min(0.1, (now - (this.last ?? now)) / 1000);
    this.last = now;
    if (this.playing) {
      const before = this.frame;
      this.time = (this.time + seconds * this.scene.fps * SPEEDS[this.speed]) % this.scene.frames;
      if (this.frame !== before) this.draw();
    }
    requestAnimationFrame((later) => this.tick(later));
  }

  draw() {
    const { scene, frame } = this;
    at("frame").value = frame;
    at("speed").value = this.speed;
    at("play").textContent = this.playing ? "pause" : "play";
    at("where").textContent = `frame ${frame + 1} of ${scene.frames}`;
    this.stage.pose(frame, at("heat").checked);
    drawBars(scene, frame);
    drawCurves(scene, frame);
  }

  // Where the joints that are seen stand in this frame, for tests and for other scripts on the page.
  positions() {
    const joints = [];
    for (let person = 0; person < this.scene.persons; person++) {
      this.scene.joints.forEach((_, joint) => joints.push(pointAt(this.scene, this.frame, person, joint)));
    }
    return joints.map((point) => point && point.toArray());
  }
}

function options(select, texts) {
  texts.forEach((text, number) => select.add(new Option(text, number)));
}

function listen(player) {
  at("clip").addEventListener("change", (event) => player.open(Number(event.target.value)));
  at("speed").addEventListener("change", (event) => player.faster(Number(event.target.value) - player.speed));
  at("play").addEventListener("click", () => player.toggle());
  at("heat").addEventListener("change", () => player.draw());
  at("reset").addEventListener("click", () => player.stage.face());
  at("help").addEventListener("click", () => { at("keys").hidden = !at("keys").hidden; });
  at("frame").addEventListener("input", (event) => {
    player.playing = false;
    player.go(Number(event.target.value));
  });
  at("stage").addEventListener("pointermove", (event) => tell(player, event));
  at("stage").addEventListener("pointerleave", () => { at("name").style.display = "none"; });
  for (const id of ["clip", "speed"]) {
    at(id).addEventListener("change", (event) => event.target.blur()); // keys are the player's again
  }
  window.addEventListener("resize", () => player.draw());
  window.addEventListener("keydown", (event) => press(player, event));
}

function tell(player, event) {
  const instance = player.stage.jointUnder(event);
  const box = at("name");
  box.style.display = instance === undefined ? "none" : "block";
  if (instance === undefined) return;
  const { joints, persons } = player.scene;
  const person = Math.floor(instance / joints.length);
  box.textContent = joints[instance % joints.length] + (persons > 1 ? `, person ${person}` : "");
  const stage = at("stage").getBoundingClientRect();
  box.style.left = `${event.clientX - stage.left + 14}px`;
  box.style.top = `${event.clientY - stage.top + 10}px`;
}

function press(player, event) {
  if (event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.matches("button, input[type=checkbox]")) return; // it presses them
  const stride = event.shiftKey ? 10 : 1;
  const actions = {
    " ": () => player.toggle(),
    ArrowLeft: () => player.step(-stride),
    ArrowRight: () => player.step(stride),
    Home: () => player.step(-player.frame),
    End: () => player.step(player.scene.frames),
    "+": () => player.faster(1),
    "=": () => player.faster(1),
    "-": () => player.faster(-1),
    "[": () => player.open(player.number - 1),
    "]": () => player.open(player.number + 1),
    c: () => { at("heat").checked = !at("heat").checked; player.draw(); },
    r: () => player.stage.face(),
    "?": () => at("help").click(),
  };
  if (!(event.key in actions)) return;
  event.preventDefault();
  actions[event.key]();
}

options(at("clip"), scenes.map((scene) => scene.name));
at("clip").hidden = scenes.length < 2;
options(at("speed"), SPEEDS.map((speed) => `${speed} ×`));
for (const [key, what] of Object.entries(KEYS)) {
  at("keys").append(
    Object.assign(document.createElement("dt"), { textContent: key }),
    Object.assign(document.createElement("dd"), { textContent: what }));
}
try {
  window.player = new Player();
  listen(window.player);
} catch (error) {
  if (at("stage").getContext("webgl2")) throw error; // the player's own mistake
  document.body.textContent = "This page draws with WebGL 2, which this browser lacks or has switched off.";
}
