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

/**
 * Periodogram I_j = |sum over t of x_t exp(-i l_j t)|^2 / (2 pi n) at the frequencies l_j = 2 pi j / n,
 * j = 1 .. floor((n - 1) / 2), of any number n of values. O(n log n), by Bluestein's chirp where n is no
 * power of two.
 */
export function periodogram(values: ArrayLike<number>): Float64Array {
  const n = values.length;
  const count = Math.max(0, Math.floor((n - 1) / 2));
  const out = new Float64Array(count);
  if (count === 0) return out;
  const spectrum = anyTransform(values);
  for (let j = 1; j <= count; j += 1) {
    out[j - 1] = (spectrum[2 * j]! ** 2 + spectrum[2 * j + 1]! ** 2) / (2 * Math.PI * n);
  }
  return out;
}

function anyTransform(values: ArrayLike<number>): Float64Array {
  const n = values.length;
  if (n === powerOfTwo(n)) {
    const data = new Float64Array(2 * n);
    const spectrum = new Float64Array(2 * n);
    for (let t = 0; t < n; t += 1) data[2 * t] = values[t]!;
    fourier(n).forward(data, spectrum);
    return spectrum;
  }
  // j t = (j^2 + t^2 - (j - t)^2) / 2 makes the sum a convolution with exp(i pi k^2 / n).
  const transform = fourier(powerOfTwo(2 * n - 1));
  const size = transform.size;
  const chirp = new Float64Array(2 * n);
  for (let k = 0; k < n; k += 1) {
    // k^2 modulo 2 n keeps the angle small, and so exact, however large k is.
    const angle = (Math.PI * ((k * k) % (2 * n))) / n;
    chirp[2 * k] = Math.cos(angle);
    chirp[2 * k + 1] = Math.sin(angle);
  }
  const data = new Float64Array(2 * size);
  const kernel = new Float64Array(2 * size);
  for (let k = 0; k < n; k += 1) {
    data[2 * k] = values[k]! * chirp[2 * k]!;
    data[2 * k + 1] = -values[k]! * chirp[2 * k + 1]!;
    for (const at of k === 0 ? [0] : [k, size - k]) {
      kernel[2 * at] = chirp[2 * k]!;
      kernel[2 * at + 1] = chirp[2 * k + 1]!;
    }
  }
  const dataSpectrum = new Float64Array(2 * size);
  const kernelSpectrum = new Float64Array(2 * size);
  transform.forward(data, dataSpectrum);
  transform.forward(kernel, kernelSpectrum);
  multiply(dataSpectrum, kernelSpectrum, data);
  transform.inverse(data, kernel);
  const conjugate = chirp.map((one, i) => (i % 2 === 0 ? one : -one));
  const out = new Float64Array(2 * n);
  multiply(kernel.subarray(0, 2 * n), conjugate, out);
  return out;
}

/** out_k = a_k b_k, complex, interleaved; `out` may be one of the two. */
export function multiply(a: Float64Array, b: Float64Array, out: Float64Array): void {
  for (let k = 0; k < out.length; k += 2) {
    const re = a[k]! * b[k]! - a[k + 1]! * b[k + 1]!;
    out[k + 1] = a[k]! * b[k + 1]! + a[k + 1]! * b[k]!;
    out[k] = re;
  }
}
