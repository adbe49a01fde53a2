// Plays skinned bodies. Data: one mesh, and shows of people whose bones turn and shift; see player.py.
(() => {
  const root = document.currentScript.parentElement;
  const canvas = root.querySelector("canvas");
  const data = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
  const gl = canvas.getContext("webgl", { antialias: true, alpha: false });
  if (!gl) {
    root.querySelector("p").hidden = false;
    canvas.hidden = root.querySelector(".bar").hidden = true;
    return;
  }
  gl.getExtension("OES_standard_derivatives");
  const SKY = [0.914, 0.922, 0.918];
  const COLOURS = [[0.36, 0.56, 0.79], [0.90, 0.60, 0.33], [0.36, 0.66, 0.56], [0.78, 0.55, 0.72]];
  const FOV = 0.5;

  const unpack = (text, Kind) => {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    return new Kind(bytes.buffer);
  };
  const program = (vertex, fragment) => {
    const made = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
    return made;
  };
  const places = new Map();
  const place = (made, name) => {
    const key = name + (made === bodies);
    if (!places.has(key)) places.set(key, gl.getUniformLocation(made, name));
    return places.get(key);
  };

  const bodies = program(`
    attribute vec3 vertex, normal;
    attribute vec4 bone, weight;
    uniform vec4 turns[24], shifts[24];
    uniform mat4 view;
    uniform float flat_;
    varying vec3 facing;
    vec3 turned(vec4 q, vec3 p) { vec3 c = 2.0 * cross(q.yzw, p); return p + q.x * c + cross(q.yzw, c); }
    void main() {
      vec3 at = vec3(0.0);
      facing = vec3(0.0);
      for (int i = 0; i < 4; i++) {
        int b = int(bone[i]);
        at += weight[i] * (turned(turns[b], vertex) + shifts[b].xyz);
        facing += weight[i] * turned(turns[b], normal);
      }
      if (flat_ > 0.5) at = vec3(at.x - 0.35 * at.y, 0.004, at.z - 0.25 * at.y);
      gl_Position = view * vec4(at, 1.0);
    }`, `
    precision highp float;
    uniform vec3 colour;
    uniform float flat_;
    varying vec3 facing;
    void main() {
      if (flat_ > 0.5) { gl_FragColor = vec4(colour, 1.0); return; }
      vec3 n = normalize(facing);
      float light = 0.42 + 0.22 * n.y + 0.42 * max(dot(n, normalize(vec3(0.45, 0.7, 0.55))), 0.0);
      gl_FragColor = vec4(colour * light * 1.15, 1.0);
    }`);
  const ground = program(`
    attribute vec2 corner;
    uniform mat4 view;
    varying vec2 at;
    void main() { at = corner * 40.0; gl_Position = view * vec4(at.x, 0.0, at.y, 1.0); }`, `
    #extension GL_OES_standard_derivatives : enable
    precision highp float;
    uniform vec3 sky;
    varying vec2 at;
    void main() {
      vec2 near = abs(fract(at - 0.5) - 0.5) / fwidth(at);
      float line = 1.0 - clamp(min(near.x, near.y), 0.0, 1.0);
      float fade = clamp(1.0 - length(at) / 18.0, 0.0, 1.0);
      vec3 floor_ = mix(vec3(0.865, 0.875, 0.872), vec3(0.79, 0.80, 0.80), line);
      gl_FragColor = vec4(mix(sky, floor_, fade), 1.0);
    }`);

  const buffer = (target, content) => {
    const made = gl.createBuffer();
    gl.bindBuffer(target, made);
    gl.bufferData(target, content, gl.STATIC_DRAW);
    return made;
  };
  const faces = unpack(data.mesh.faces, Uint16Array);
  const attributes = [
    ["vertex", buffer(gl.ARRAY_BUFFER, unpack(data.mesh.vertices, Float32Array)), 3, gl.FLOAT, false],
    ["normal", buffer(gl.ARRAY_BUFFER, unpack(data.mesh.normals, Float32Array)), 3, gl.FLOAT, false],
    ["bone", buffer(gl.ARRAY_BUFFER, unpack(data.mesh.bones, Uint8Array)), 4, gl.UNSIGNED_BYTE, false],
    ["weight", buffer(gl.ARRAY_BUFFER, unpack(data.mesh.weights, Uint8Array)), 4, gl.UNSIGNED_BYTE, true],
  ];
  const faceBuffer = buffer(gl.ELEMENT_ARRAY_BUFFER, faces);
  const square = buffer(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]));
  const attach = (made, name, from, size, kind, normalised) => {
    const where = gl.getAttribLocation(made, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, from);
    gl.enableVertexAttribArray(where);
    gl.vertexAttribPointer(where, size, kind, normalised, 0, 0);
  };

  let show, frames, position = 0, playing = true, yaw = 0.5, pitch = 0.22, closer = 1, last = null;
  const choose = index => {
    show = data.shows[index];
    for (const person of show.people) {
      person.q ??= unpack(person.turns, Int16Array);
      person.t ??= unpack(person.shifts, Int16Array);
    }
    frames = Math.max(...show.people.map(person => person.frames));
    slider.max = frames - 1;
    position = 0;
  };

  const minus = (a, b) => a.map((x, i) => x - b[i]);
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const unit = a => a.map(x => x / Math.hypot(...a));
  const view = aspect => {  // projection times camera, column by column
    const middle = show.low.map((x, i) => (x + show.high[i]) / 2);
    const size = minus(show.high, show.low);
    const across = Math.hypot(size[0] * Math.cos(yaw), size[2] * Math.sin(yaw)) + 0.9;
    const depth = Math.hypot(size[0] * Math.sin(yaw), size[2] * Math.cos(yaw));
    const half = Math.tan(FOV / 2);
    const far = (Math.max(across / aspect, size[1] + 0.7) / 2 / half + depth / 2) * closer;
    const eye = [
      middle[0] + far * Math.sin(yaw) * Math.cos(pitch),
      middle[1] + far * Math.sin(pitch),
      middle[2] + far * Math.cos(yaw) * Math.cos(pitch),
    ];
    const z = unit(minus(eye, middle)), x = unit(cross([0, 1, 0], z)), y = cross(z, x);
    const n = 0.05, f = 120, a = (f + n) / (n - f), b = 2 * f * n / (n - f);
    const row = [[...x, -dot(x, eye)], [...y, -dot(y, eye)], [...z, -dot(z, eye)]];
    const scaled = [row[0].map(v => v / half / aspect), row[1].map(v => v / half),
      row[2].map((v, i) => v * a + (i === 3 ? b : 0)), row[2].map(v => -v)];
    return new Float32Array([0, 1, 2, 3].flatMap(column => scaled.map(line => line[column])));
  };

  const draw = () => {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const seen = view(width / height);
    gl.viewport(0, 0, width, height);
    gl.clearColor(...SKY, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.useProgram(ground);
    attach(ground, "corner", square, 2, gl.FLOAT, false);
    gl.uniformMatrix4fv(place(ground, "view"), false, seen);
    gl.uniform3fv(place(ground, "sky"), SKY);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.useProgram(bodies);
    for (const attribute of attributes) attach(bodies, ...attribute);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, faceBuffer);
    gl.uniformMatrix4fv(place(bodies, "view"), false, seen);
    show.people.forEach((person, index) => {
      const frame = Math.min(Math.floor(position), person.frames - 1);
      const turns = new Float32Array(96), shifts = new Float32Array(96);
      for (let bone = 0; bone < 24; bone++) {
        for (let i = 0; i < 4; i++) turns[4 * bone + i] = person.q[(frame * 24 + bone) * 4 + i] / 32767;
        for (let i = 0; i < 3; i++) shifts[4 * bone + i] = person.t[(frame * 24 + bone) * 3 + i] * person.scale;
      }
      gl.uniform4fv(place(bodies, "turns"), turns);
      gl.uniform4fv(place(bodies, "shifts"), shifts);
      for (const [flat, colour] of [[1, [0.72, 0.73, 0.735]], [0, COLOURS[index % COLOURS.length]]]) {
        gl.uniform1f(place(bodies, "flat_"), flat);
        gl.uniform3fv(place(bodies, "colour"), colour);
        gl.drawElements(gl.TRIANGLES, faces.length, gl.UNSIGNED_SHORT, 0);
      }
    });
    const frame = Math.floor(position);
    if (document.activeElement !== slider || playing) slider.value = frame;
    said.textContent = (frame / show.fps).toFixed(2) + " of " + (frames / show.fps).toFixed(2) + " s";
    canvas.dataset.frame = frame;
  };

  const slider = root.querySelector(".frame"), button = root.querySelector(".play");
  const speed = root.querySelector(".speed"), said = root.querySelector("output");
  const play = on => { playing = on; button.textContent = on ? "Pause" : "Play"; };
  root.querySelector(".show").addEventListener("change", event => choose(+event.target.value));
  button.addEventListener("click", () => play(!playing));
  slider.addEventListener("input", () => { play(false); position = +slider.value; });
  canvas.addEventListener("pointerdown", event => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", event => {
    if (!event.buttons) return;
    yaw -= event.movementX * 0.008;
    pitch = Math.min(1.5, Math.max(0.02, pitch + event.movementY * 0.006));
  });
  canvas.addEventListener("wheel", event => {
    if (!event.ctrlKey && !event.shiftKey) return;  // alone it scrolls the page
    event.preventDefault();
    closer = Math.min(3, Math.max(0.2, closer * Math.exp(event.deltaY * 0.001)));
  }, { passive: false });
  canvas.addEventListener("dblclick", () => { closer = closer < 0.8 ? 1 : 0.6; });

  choose(0);
  const tick = now => {
    if (playing && last !== null) position = (position + (now - last) / 1000 * show.fps * +speed.value) % frames;
    last = now;
    draw();
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})();
