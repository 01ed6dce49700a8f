"""exp, log and erfcx of our own: without branches and tables, so that a compiler turns a loop of them into vectors.

numba reaches the C library's only one number at a time. Largest relative errors, measured against 40 digits over the
whole range (tests/unit/scanner/pricing/kernels/test_elementary.py holds them to these bounds):

* `exp` 4e-16; 0 below -708.39 (no denormal results), infinite above 709.78;
* `log` 3e-16 for every positive normal number, near 1 too;
* `erfcx` 1.2e-15 for x >= 0.

None of them keeps a NaN: callers decide first what is valid.
"""

from __future__ import annotations

import math
from typing import Final

from scanner.pricing.kernels.compilation import bits_of, device, float_of

_ROUNDER: Final = 6755399441055744.0
"""1.5 x 2^52: added to a smaller number, its last bits are that number rounded to an integer."""
_ROUNDER_BITS: Final = 0x4338000000000000
_PER_LN2: Final = 1.4426950408889634
_LN2_EXP_HIGH, _LN2_EXP_LOW = 0.6931471805598903, 5.497923018708371e-14
_LN2_LOG_HIGH, _LN2_LOG_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""ln 2 in two parts, the high one with zeros at its end, so that multiples of it are exact."""
_LEAST_EXPONENT, _GREATEST_EXPONENT = -708.39, 709.78
_ROOT_HALF_BITS: Final = 0x3FE6A09E667F3BCD
_EXPONENT_POSITION: Final = 52

CENTER: Final = 3.75
"""`erfcx_polynomial` is written in t = (x - CENTER)/(x + CENTER)."""


@device
def exp(x: float) -> float:
    """e^x = 2^k e^r, |r| <= ln(2)/2, e^r by a Chebyshev interpolant of degree 11 in powers of r."""
    shifted = x * _PER_LN2 + _ROUNDER
    exponent = bits_of(shifted) << _EXPONENT_POSITION
    k = shifted - _ROUNDER
    r = (x - k * _LN2_EXP_HIGH) - k * _LN2_EXP_LOW
    r2 = r * r
    even = 2.7632640675430235e-07
    even = even * r2 + 2.480148547921643e-05
    even = even * r2 + 0.0013888888952318045
    even = even * r2 + 0.04166666666648808
    even = even * r2 + 0.5000000000000019
    even = even * r2 + 1.0
    odd = 2.5114870219497476e-08
    odd = odd * r2 + 2.755722495611072e-06
    odd = odd * r2 + 0.00019841269909219843
    odd = odd * r2 + 0.008333333333309526
    odd = odd * r2 + 0.16666666666666702
    odd = odd * r2 + 1.0
    value: float = float_of(bits_of(even + r * odd) + exponent)
    value = 0.0 if x < _LEAST_EXPONENT else value
    return math.inf if x > _GREATEST_EXPONENT else value


@device
def log(x: float) -> float:
    """ln x = k ln 2 + ln(1 + f), 1 + f in [sqrt(1/2), sqrt 2).

    ln(1 + f) = ln((1 + s)/(1 - s)) with s = f/(2 + f), 2 s + s^3 P(s^2), P a Chebyshev interpolant of degree 6; put
    together as f - (f^2/2 - s (f^2/2 + s^2 P)), which keeps the digits of a small f.
    """
    bits: int = bits_of(x)
    k = (bits - _ROOT_HALF_BITS) >> _EXPONENT_POSITION
    f: float = float_of(bits - (k << _EXPONENT_POSITION)) - 1.0
    times: float = float_of(k + _ROUNDER_BITS) - _ROUNDER
    s = f / (2.0 + f)
    z = s * s
    series = 0.14617093237558204
    series = series * z + 0.15331664799306263
    series = series * z + 0.1818289100504977
    series = series * z + 0.2222221110612709
    series = series * z + 0.28571428626173057
    series = series * z + 0.39999999999899005
    series = series * z + 0.666666666666667
    half_square = 0.5 * f * f
    return times * _LN2_LOG_HIGH - ((half_square - (s * (half_square + z * series) + times * _LN2_LOG_LOW)) - f)


@device
def erfcx(x: float) -> float:
    """e^{x^2} erfc(x) for x >= 0; x above 1e150 overflows."""
    above, below = x + CENTER, 1.0 + 2.0 * x
    inverse = 1.0 / (above * below)
    return erfcx_polynomial((x - CENTER) * below * inverse) * (above * inverse)


@device
def erfcx_polynomial(t: float) -> float:
    """(1 + 2x) erfcx(x) where t = (x - CENTER)/(x + CENTER): a Chebyshev interpolant of degree 22 in powers of t.

    The factor and the map make it smooth on all of [-1, 1]. They are those of M. M. Shepherd and J. G. Laframboise,
    Chebyshev approximation of (1 + 2x) exp(x^2) erfc x, Math. Comp. 36 (1981). Two of them share one division where
    a kernel needs two.
    """
    t2 = t * t
    even = -2.623107347133476e-09
    even = even * t2 + 3.197926671666804e-08
    even = even * t2 - 2.4857126248016745e-07
    even = even * t2 + 1.7419821586224816e-06
    even = even * t2 - 1.1438048033346894e-05
    even = even * t2 + 5.164652974177416e-05
    even = even * t2 + 0.000293714378044958
    even = even * t2 - 0.009746579683265262
    even = even * t2 - 0.05869339857664934
    even = even * t2 - 0.10880393014244462
    even = even * t2 + 0.0035854154854790257
    even = even * t2 + 1.2375126308378275
    odd = -1.9551358868985616e-09
    odd = odd * t2 + 1.879082322370048e-08
    odd = odd * t2 - 5.084465378687302e-08
    odd = odd * t2 - 9.792625707303523e-07
    odd = odd * t2 + 2.2387565714911816e-05
    odd = odd * t2 - 0.00029015535246077655
    odd = odd * t2 + 0.0017556261651970652
    odd = odd * t2 + 0.02836227737211114
    odd = odd * t2 + 0.09230432116428125
    odd = odd * t2 + 0.08227673848999506
    odd = odd * t2 - 0.14024059858554525
    return even + t * odd
