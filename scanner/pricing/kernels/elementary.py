"""exp, log and erfcx of our own: without branches and tables, so that a compiler turns a loop of them into vectors.

numba reaches the C library's only one number at a time. Largest relative errors, measured against 40 digits over the
whole range (tests/unit/scanner/pricing/kernels/test_elementary.py holds them to these bounds):

* `exp` 4e-16; 0 below -708.39 (no denormal results), infinite above 709.78;
* `log` 3e-16 for every positive normal number, near 1 too;
* `erfcx` 1.2e-15 for x >= 0;
* `tail_numerator` / `tail_denominator` 5e-16 for 0 <= d <= 38.7.

A NaN with unusual bits may come out as a number: callers decide first what is valid. Polynomials are summed in two or
four interleaved parts, which shortens the chain of dependent operations.
"""

from __future__ import annotations

import math
from typing import Final

from scanner.pricing.kernels.compilation import bits_of, device, float_of

_ROUNDER: Final = 6755399441055744.0
"""1.5 x 2^52: added to a smaller number, its last bits are that number rounded to an integer."""
_PER_LN2: Final = 1.4426950408889634
_LN2_EXP_HIGH, _LN2_EXP_LOW = 0.6931471805598903, 5.497923018708371e-14
_LN2_LOG_HIGH, _LN2_LOG_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""ln 2 in two parts, the high one with zeros at its end, so that multiples of it are exact."""
_LEAST_EXPONENT, _GREATEST_EXPONENT = -708.39, 709.78
_ROOT_HALF_BITS: Final = 0x3FE6A09E667F3BCD
_EXPONENT_POSITION: Final = 52
_EXPONENT_BITS: Final = -(1 << _EXPONENT_POSITION)
_BIAS: Final = 1024
_COUNTER_BITS: Final = 0x4330000000000000
_COUNTER: Final = 4503599627370496.0
"""2^52: its last bits count in ones."""

CENTER: Final = 3.75
"""`erfcx_polynomial` is written in t = (x - CENTER)/(x + CENTER)."""


@device
def exp(x: float) -> float:
    """e^x for any x."""
    value = exp_of_negative(x)
    return math.inf if x > _GREATEST_EXPONENT else value


@device
def exp_of_negative(x: float) -> float:
    """e^x for x <= 709.78; above, any number."""
    value = exp_within(x)
    return 0.0 if x < _LEAST_EXPONENT else value


@device
def exp_within(x: float) -> float:
    """e^x for -708.39 <= x <= 709.78; outside, any number.

    e^x = 2^k e^r, |r| <= ln(2)/2, e^r by a Chebyshev interpolant of degree 11 in powers of r.
    """
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
    return value


@device
def log(x: float) -> float:
    """ln x = k ln 2 + ln(1 + f), 1 + f in [sqrt(1/2), sqrt 2).

    ln(1 + f) = f + f^2 Q(f), Q a Chebyshev interpolant of degree 19 in powers of f, which keeps the digits of a small
    f. The usual series in f/(2 + f) is shorter, but kernels have more divisions than they can hide already.
    k is counted from a bias: AVX2 has no arithmetic shift of 64 bits.
    """
    bits: int = bits_of(x)
    above = bits - _ROOT_HALF_BITS
    f: float = float_of(bits - (above & _EXPONENT_BITS)) - 1.0
    biased = ((above + (_BIAS << _EXPONENT_POSITION)) >> _EXPONENT_POSITION) & 0xFFF
    times: float = float_of(biased | _COUNTER_BITS) - (_COUNTER + _BIAS)
    f2 = f * f
    f4 = f2 * f2
    p0 = -0.056409872092831485
    p0 = p0 * f4 - 0.07148178517422739
    p0 = p0 * f4 - 0.10000011243173916
    p0 = p0 * f4 - 0.16666666668686464
    p0 = p0 * f4 - 0.5
    p1 = 0.06449357292133483
    p1 = p1 * f4 + 0.06683872557665933
    p1 = p1 * f4 + 0.09090928113360403
    p1 = p1 * f4 + 0.14285714285543813
    p1 = p1 * f4 + 0.333333333333333
    p2 = -0.060294759498446995
    p2 = p2 * f4 - 0.06206333787760176
    p2 = p2 * f4 - 0.08333006278398812
    p2 = p2 * f4 - 0.12499999786676917
    p2 = p2 * f4 - 0.24999999999992617
    p3 = 0.02698518567384007
    p3 = p3 * f4 + 0.05678839815954812
    p3 = p3 * f4 + 0.07691518881321938
    p3 = p3 * f4 + 0.11111110916799447
    p3 = p3 * f4 + 0.20000000000012697
    series = (p0 + f2 * p2) + f * (p1 + f2 * p3)
    return times * _LN2_LOG_HIGH + (f + (f2 * series + times * _LN2_LOG_LOW))


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
    t4 = t2 * t2
    p0 = 3.197926671666804e-08
    p0 = p0 * t4 + 1.7419821586224816e-06
    p0 = p0 * t4 + 5.164652974177416e-05
    p0 = p0 * t4 - 0.009746579683265262
    p0 = p0 * t4 - 0.10880393014244462
    p0 = p0 * t4 + 1.2375126308378275
    p1 = -1.9551358868985616e-09
    p1 = p1 * t4 - 5.084465378687302e-08
    p1 = p1 * t4 + 2.2387565714911816e-05
    p1 = p1 * t4 + 0.0017556261651970652
    p1 = p1 * t4 + 0.09230432116428125
    p1 = p1 * t4 - 0.14024059858554525
    p2 = -2.623107347133476e-09
    p2 = p2 * t4 - 2.4857126248016745e-07
    p2 = p2 * t4 - 1.1438048033346894e-05
    p2 = p2 * t4 + 0.000293714378044958
    p2 = p2 * t4 - 0.05869339857664934
    p2 = p2 * t4 + 0.0035854154854790257
    p3 = 1.879082322370048e-08
    p3 = p3 * t4 - 9.792625707303523e-07
    p3 = p3 * t4 - 0.00029015535246077655
    p3 = p3 * t4 + 0.02836227737211114
    p3 = p3 * t4 + 0.08227673848999506
    return (p0 + t2 * p2) + t * (p1 + t2 * p3)


@device
def tail_numerator(d: float) -> float:
    """Over `tail_denominator`: e^{d^2/2} N(-d) for 0 <= d <= 38.7, the ratio of polynomials of degree 9 and 10.

    A least-squares fit of the relative error at 60 Chebyshev nodes of (d - 4)/(d + 4), solved in 50 digits and
    reweighted towards a level error, 1e-16 at most (C. K. Sanathanan and J. Koerner, IEEE Trans. Automatic Control 8,
    1963; C. L. Lawson's weights). All coefficients are positive: nothing cancels. It is erfcx(d/sqrt 2)/2, shorter than
    that polynomial, and its two halves are ready before the division begins.
    """
    d2 = d * d
    even = 3.716555932083182e-05
    even = even * d2 + 0.004082684358210872
    even = even * d2 + 0.09759839346985372
    even = even * d2 + 0.593734331063613
    even = even * d2 + 0.5
    odd = 1.3817021669030426e-06
    odd = odd * d2 + 0.0004894512881521111
    odd = odd * d2 + 0.02359141242424109
    odd = odd * d2 + 0.28910879948912543
    odd = odd * d2 + 0.7746596745262255
    return even + d * odd


@device
def tail_denominator(d: float) -> float:
    """See `tail_numerator`."""
    d2 = d * d
    even = 3.46341371868871e-06
    even = even * d2 + 0.001230335851858931
    even = even * d2 + 0.06035484746344576
    even = even * d2 + 0.7814043285302156
    even = even * d2 + 2.560266422857209
    even = even * d2 + 1.0
    odd = 9.31602418338832e-05
    odd = odd * d2 + 0.010326932279130892
    odd = odd * d2 + 0.25469033233137756
    odd = odd * d2 + 1.7133742146540543
    odd = odd * d2 + 2.3472039098553066
    return even + d * odd
