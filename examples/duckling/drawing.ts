// Draws a poster in plain JavaScript: ducklings on a pond, in the light of the outing's hour. Every pixel is the mean of
// many samples, and every sample of the sky asks for some dozens of noise values: a second or two of one core's work.
import { PNG } from "pngjs";

const FORMATS = {
  portrait: { width: 405, height: 540 },
  landscape: { width: 608, height: 380 },
} as const;

export type Format = keyof typeof FORMATS;
export const FORMAT_NAMES = Object.keys(FORMATS) as readonly Format[]; // exactly the keys above

type Colour = readonly [red: number, green: number, blue: number];

/** Samples on each side of a pixel. */
const SAMPLES = 2;
const HORIZON = 0.52;
const BANDS = 8;

/** A PNG. `onBand` is awaited after every eighth of the picture, and may throw to stop. */
export async function drawPoster(
  outing: { readonly id: number; readonly hour: number },
  format: Format,
  onBand: (done: number) => Promise<void> = async () => {},
): Promise<Buffer> {
  const { width, height } = FORMATS[format];
  const png = new PNG({ width, height, colorType: 2 });
  const scene = sceneOf(outing, width / height);
  for (let band = 0; band < BANDS; band++) {
    const end = Math.round(((band + 1) * height) / BANDS);
    for (let y = Math.round((band * height) / BANDS); y < end; y++) {
      for (let x = 0; x < width; x++) drawPixel(png, scene, x, y);
    }
    await onBand((band + 1) / BANDS);
  }
  return PNG.sync.write(png, { colorType: 2 });
}

function drawPixel(png: PNG, scene: Scene, x: number, y: number): void {
  let [red, green, blue] = [0, 0, 0];
  for (let i = 0; i < SAMPLES; i++) {
    for (let j = 0; j < SAMPLES; j++) {
      const colour = sample(scene, (x + (i + 0.5) / SAMPLES) / png.height, (y + (j + 0.5) / SAMPLES) / png.height);
      red += colour[0];
      green += colour[1];
      blue += colour[2];
    }
  }
  const scale = 255 / SAMPLES ** 2;
  png.data.set([red * scale, green * scale, blue * scale, 255].map(Math.round), (y * png.width + x) * 4);
}

interface Duck {
  /** Where its middle meets the water. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  /** 1 looks to the right, -1 to the left. */
  readonly facing: number;
  readonly colour: Colour;
}

interface Scene {
  readonly seed: number;
  readonly zenith: Colour;
  readonly haze: Colour;
  readonly sun: { readonly x: number; readonly y: number; readonly colour: Colour };
  /** How bright things are that do not shine themselves. */
  readonly light: Colour;
  readonly stars: number;
  readonly ducks: readonly Duck[];
}

interface Mood {
  readonly hour: number;
  readonly zenith: Colour;
  readonly haze: Colour;
  readonly sun: Colour;
  readonly light: Colour;
}

const MOODS: readonly Mood[] = [
  { hour: 5, zenith: [0.16, 0.22, 0.42], haze: [0.95, 0.62, 0.52], sun: [1, 0.72, 0.5], light: [0.8, 0.68, 0.68] },
  { hour: 8, zenith: [0.32, 0.55, 0.84], haze: [0.98, 0.87, 0.74], sun: [1, 0.95, 0.8], light: [1, 0.96, 0.88] },
  { hour: 12, zenith: [0.2, 0.5, 0.86], haze: [0.78, 0.9, 0.97], sun: [1, 1, 0.94], light: [1, 1, 1] },
  { hour: 16, zenith: [0.27, 0.46, 0.76], haze: [0.99, 0.84, 0.62], sun: [1, 0.9, 0.66], light: [1, 0.92, 0.8] },
  { hour: 19, zenith: [0.24, 0.18, 0.42], haze: [0.99, 0.5, 0.3], sun: [1, 0.6, 0.3], light: [0.86, 0.6, 0.52] },
  { hour: 21, zenith: [0.07, 0.08, 0.22], haze: [0.4, 0.25, 0.42], sun: [0.95, 0.93, 0.85], light: [0.45, 0.44, 0.6] },
  { hour: 24, zenith: [0.02, 0.03, 0.1], haze: [0.1, 0.15, 0.32], sun: [0.96, 0.96, 0.9], light: [0.34, 0.38, 0.55] },
];

function sceneOf({ id, hour }: { readonly id: number; readonly hour: number }, ratio: number): Scene {
  const after = Math.max(
    1,
    MOODS.findIndex((mood) => mood.hour >= hour),
  );
  const [from, to] = [MOODS[after - 1] as Mood, MOODS[after] as Mood]; // hours are from 5 to 24
  const t = (hour - from.hour) / (to.hour - from.hour);
  const night = hour >= 20;
  const day = night ? (hour - 18) / 8 : (hour - 4) / 16; // the way of the sun, or of the moon, over the picture
  const sun = {
    x: ratio * (0.12 + 0.76 * day),
    y: HORIZON - 0.05 - 0.36 * Math.sin(Math.PI * day),
    colour: mix(from.sun, to.sun, t),
  };
  const facing = id % 4 < 2 ? 1 : -1;
  const near = ratio < 1 ? 0.82 : 1; // a narrow picture is seen from further away
  const mother = {
    x: ratio * (0.5 + 0.2 * facing),
    y: 0.76,
    size: 0.13 * near,
    facing,
    colour: [0.97, 0.95, 0.9] as const,
  };
  const ducklings = [0, 1, 2, 3].slice(0, 2 + (id % 3)).map((i) => ({
    x: mother.x - facing * (0.21 + i * 0.125) * near,
    y: 0.79 + 0.035 * Math.sin(id + i * 2.1),
    size: 0.062 * near,
    facing,
    colour: [1, 0.83, 0.25] as const,
  }));
  return {
    seed: id * 17.3,
    zenith: mix(from.zenith, to.zenith, t),
    haze: mix(from.haze, to.haze, t),
    light: mix(from.light, to.light, t),
    sun,
    stars: night ? 1 : 0,
    ducks: [mother, ...ducklings],
  };
}

function sample(scene: Scene, x: number, y: number): Colour {
  return ducks(scene, x, y, y >= HORIZON ? water(scene, x, y) : sky(scene, x, y));
}

function sky(scene: Scene, x: number, y: number): Colour {
  const { seed, sun, zenith, haze, light } = scene;
  const height = clamp(1 - y / HORIZON);
  let colour = mix(haze, zenith, height ** 0.7);
  const twinkle = scene.stars * smooth(0.86, 0.95, noise(x * 90 + seed, y * 90)) * height;
  colour = mix(colour, [1, 1, 1], twinkle);

  const far = Math.hypot(x - sun.x, y - sun.y);
  colour = mix(colour, sun.colour, 0.55 * Math.exp(-far * 7) + 0.25 * Math.exp(-far * 2.2));
  colour = mix(colour, sun.colour, 1 - smooth(0.042, 0.046, far));

  // Clouds: noise displaced by noise.
  const [u, v] = [x * 2.2 + seed, y * 5.5];
  const cloud = smooth(0.44, 0.78, fractal(u + 1.6 * fractal(u + 3.1, v), v + 1.2 * fractal(u, v + 7.7)));
  colour = mix(
    colour,
    mix(multiply(light, [0.95, 0.95, 0.98]), sun.colour, 0.35 * Math.exp(-far * 3)),
    0.75 * cloud * clamp(height * 3),
  );

  // Two rows of hills.
  for (const [row, base, size] of [
    [0, 0.075, 0.16],
    [1, 0.02, 0.1],
  ] as const) {
    const crest = HORIZON - base - size * (fractal(x * (1.6 + row) + seed + row * 40, row * 9.5) - 0.35);
    const green: Colour = row === 0 ? [0.34, 0.47, 0.5] : [0.2, 0.36, 0.27];
    const hill = mix(multiply(green, light), haze, row === 0 ? 0.42 : 0.14);
    colour = mix(colour, hill, smooth(crest - 0.0015, crest + 0.0015, y));
  }
  return colour;
}

/** The sky upside down, moved by waves that grow towards us, a little darker and a little greener. */
function water(scene: Scene, x: number, y: number): Colour {
  const depth = (y - HORIZON) / (1 - HORIZON);
  const near = 0.05 + depth;
  const ripple = fractal(x * (9 / near) * 0.35 + scene.seed, Math.log(near) * 16) - 0.5;
  const mirrored = HORIZON - (y - HORIZON) * 0.95 - ripple * 0.11 * near;
  const reflected = sky(scene, x + ripple * 0.09 * near, Math.min(HORIZON - 0.001, mirrored));
  const own = multiply([0.1, 0.32, 0.36], scene.light);
  let colour = mix(reflected, own, 0.24 + 0.36 * depth);
  colour = mix(colour, scene.sun.colour, 0.35 * smooth(0.12, 0.3, ripple) * Math.exp(-Math.abs(x - scene.sun.x) * 5));
  for (const duck of scene.ducks) {
    // Its reflection, and the rings around it.
    const under = duckAt(duck, x + ripple * 0.05, 2 * duck.y - y + ripple * 0.03);
    if (under !== undefined && y > duck.y) colour = mix(colour, multiply(under, scene.light), 0.4);
    const ring = Math.hypot(x - duck.x, (y - duck.y) * 3.2) / duck.size;
    const foam = 0.28 * smooth(0.72, 1, Math.sin(ring * 7)) * Math.exp(-((ring - 1.5) ** 2) * 1.6);
    colour = mix(colour, scene.light, foam);
  }
  return colour;
}

function ducks(scene: Scene, x: number, y: number, behind: Colour): Colour {
  let colour = behind;
  for (const duck of scene.ducks) {
    const found = y <= duck.y ? duckAt(duck, x, y) : undefined;
    if (found !== undefined) colour = multiply(found, scene.light);
  }
  return colour;
}

const BEAK: Colour = [0.97, 0.55, 0.13];
const EYE: Colour = [0.08, 0.07, 0.09];

/** Colour of a duck at a point, or undefined beside it. Its parts are ellipses, in sizes of the duck. */
function duckAt({ x, y, size, facing, colour }: Duck, atX: number, atY: number): Colour | undefined {
  const u = ((atX - x) / size) * facing;
  const v = (atY - y) / size;
  if (Math.abs(u) > 1.6 || v < -1.7 || v > 0.1) return undefined;
  const inside = (cu: number, cv: number, ru: number, rv: number) => ((u - cu) / ru) ** 2 + ((v - cv) / rv) ** 2;
  const shade = (amount: number): Colour => multiply(colour, [1 - amount, 1 - amount * 1.1, 1 - amount * 1.25]);

  if (inside(0.66, -1.12, 0.065, 0.075) < 1) return inside(0.68, -1.15, 0.022, 0.025) < 1 ? [1, 1, 1] : EYE;
  if (inside(0.92, -0.98, 0.2, 0.085) < 1 && u > 0.78) return v > -0.965 ? multiply(BEAK, [0.82, 0.78, 0.7]) : BEAK;
  const head = inside(0.56, -1.02, 0.34, 0.33);
  if (head < 1) return shade(0.22 * head * clamp(0.5 + (v + 1.02) * 1.5));
  const wing = inside(-0.16, -0.4, 0.5, 0.25);
  if (wing < 1) return shade(0.1 + 0.16 * smooth(0.55, 1, wing));
  const tail = u < -0.55 && v < -0.3 && v > -0.3 + (u + 0.62) * 0.75 && u > -1.12;
  const body = inside(-0.02, -0.22, 0.92, 0.52);
  const neck = inside(0.42, -0.66, 0.27, 0.42);
  if (body < 1 || neck < 1 || tail) return shade(0.3 * clamp(1 + v * 1.5) + 0.05);
  return undefined;
}

/** Six octaves of noise, from 0 to 1. */
function fractal(x: number, y: number): number {
  let [sum, size] = [0, 0.5];
  let [u, v] = [x, y];
  for (let octave = 0; octave < 6; octave++) {
    sum += size * noise(u, v);
    [u, v] = [u * 1.6 + v * 1.2 + 4.7, v * 1.6 - u * 1.2 + 1.3]; // turned and doubled, so that no grid shows
    size /= 2;
  }
  return sum;
}

/** Value noise, from 0 to 1. */
function noise(x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [fade(x - left), fade(y - top)];
  const above = lerp(lattice(left, top), lattice(left + 1, top), u);
  return lerp(above, lerp(lattice(left, top + 1), lattice(left + 1, top + 1), u), v);
}

function lattice(x: number, y: number): number {
  let hash = Math.imul(x, 374_761_393) + Math.imul(y, 668_265_263);
  hash = Math.imul(hash ^ (hash >>> 13), 1_274_126_177);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296;
}

const fade = (t: number) => t * t * (3 - 2 * t);
const lerp = (from: number, to: number, t: number) => from + (to - from) * t;
const clamp = (value: number) => Math.min(1, Math.max(0, value));
const smooth = (from: number, to: number, value: number) => fade(clamp((value - from) / (to - from)));
const multiply = (a: Colour, b: Colour): Colour => [a[0] * b[0], a[1] * b[1], a[2] * b[2]];
const mix = (a: Colour, b: Colour, t: number): Colour => [
  lerp(a[0], b[0], t),
  lerp(a[1], b[1], t),
  lerp(a[2], b[2], t),
];
