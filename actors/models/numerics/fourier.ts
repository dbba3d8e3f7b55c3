import FFT from "fft.js";

/**
 * Discrete Fourier transform of a power of two points, over fft.js. Complex numbers are interleaved:
 * re_0, im_0, re_1, im_1, … O(n log n); the transforms allocate nothing.
 */
export interface Fourier {
  /** Number of points: a power of two, 2 or more. */
  readonly size: number;
  /** out_k = sum over j of data_j exp(-2 pi i j k / n). Both of length 2 n, and not the same array. */
  forward(data: Float64Array, out: Float64Array): void;
  /** out_j = (1 / n) sum over k of data_k exp(2 pi i j k / n). */
  inverse(data: Float64Array, out: Float64Array): void;
}

interface Transform {
  transform(out: Float64Array, data: Float64Array): void;
  inverseTransform(out: Float64Array, data: Float64Array): void;
}

/** Smallest power of two that is `least` or more, and at least 2. */
export function powerOfTwo(least: number): number {
  let size = 2;
  while (size < least) size *= 2;
  return size;
}

/** Throws a RangeError on a size that is no power of two. */
export function fourier(size: number): Fourier {
  if (!Number.isSafeInteger(size) || size < 2 || size !== powerOfTwo(size)) {
    throw new RangeError(`a transform's size is a power of two of 2 or more, not ${size}`);
  }
  const library = new FFT(size) as Transform;
  const checked = (data: Float64Array, out: Float64Array): void => {
    if (data.length !== 2 * size || out.length !== 2 * size || data === out) {
      throw new RangeError(
        `a transform of ${size} points takes two arrays of ${2 * size} numbers, not ${data.length} and ${out.length}`,
      );
    }
  };
  return {
    size,
    forward(data, out) {
      checked(data, out);
      library.transform(out, data);
    },
    inverse(data, out) {
      checked(data, out);
      library.inverseTransform(out, data);
    },
  };
}

/**
 * Linear convolution (a * b)_k = sum over j of a_j b_(k-j), k = 0 .. a.length + b.length - 2, through
 * the transform: O(n log n), absolute error about 1e-16 |a| |b|. Empty when either is.
 */
export function convolve(a: Float64Array, b: Float64Array): Float64Array {
  if (a.length === 0 || b.length === 0) return new Float64Array(0);
  const length = a.length + b.length - 1;
  const transform = fourier(powerOfTwo(length));
  const n = transform.size;
  // One complex transform carries both real sequences: a in the real parts, b in the imaginary ones.
  const joint = new Float64Array(2 * n);
  for (let i = 0; i < a.length; i += 1) joint[2 * i] = a[i]!;
  for (let i = 0; i < b.length; i += 1) joint[2 * i + 1] = b[i]!;
  const spectrum = new Float64Array(2 * n);
  transform.forward(joint, spectrum);
  for (let k = 0; k < n; k += 1) {
    const mirror = (n - k) % n;
    const re = spectrum[2 * k]!;
    const im = spectrum[2 * k + 1]!;
    const mirrorRe = spectrum[2 * mirror]!;
    const mirrorIm = spectrum[2 * mirror + 1]!;
    const aRe = 0.5 * (re + mirrorRe);
    const aIm = 0.5 * (im - mirrorIm);
    const bRe = 0.5 * (im + mirrorIm);
    const bIm = 0.5 * (mirrorRe - re);
    joint[2 * k] = aRe * bRe - aIm * bIm;
    joint[2 * k + 1] = aRe * bIm + aIm * bRe;
  }
  transform.inverse(joint, spectrum);
  const out = new Float64Array(length);
  for (let i = 0; i < length; i += 1) out[i] = spectrum[2 * i]!;
  return out;
}

/**
 * Eigenvalues of the symmetric circulant matrix with this first row, whose length is a power of two:
 * real parts of the row's transform. O(n log n).
 */
export function circulantEigenvalues(row: Float64Array): Float64Array {
  const transform = fourier(row.length);
  const data = new Float64Array(2 * row.length);
  const spectrum = new Float64Array(2 * row.length);
  for (let i = 0; i < row.length; i += 1) data[2 * i] = row[i]!;
  transform.forward(data, spectrum);
  return Float64Array.from(row, (_, k) => spectrum[2 * k]!);
}
