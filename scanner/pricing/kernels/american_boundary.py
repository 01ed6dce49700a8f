"""The early-exercise boundary of American puts, many contracts side by side.

Every contract is a put with strike 1, spot x, rate r and yield q (a call is one with S and K, r and q exchanged:
McDonald and Schroder 1998). Its boundary B(tau), tau the time left, starts at X = min(1, r/q) and is known by
H = ln^2(B/X) at Chebyshev points of sqrt(tau), a smooth function there. B solves B(tau) = e^{-(r-q) tau} N/D with

* A (one derivative taken): N = phi(d-)/(sigma sqrt tau) + r int e^{ru} phi(d-(u))/(sigma sqrt(tau-u)) du,
  D = phi(d+)/(sigma sqrt tau) + Phi(d+) + q int e^{qu} (Phi(d+(u)) + phi(d+(u))/(sigma sqrt(tau-u))) du;
* B: N = Phi(d-) + r int e^{ru} Phi(d-(u)) du, D = Phi(d+) + q int e^{qu} Phi(d+(u)) du;

d+- at (tau, B(tau)) outside and at (tau - u, B(tau)/B(u)) inside the integrals over u from 0 to tau. Equation A
converges in a few sweeps, but not where the drift outruns the diffusion, (r - q) sqrt T > 0.8 sigma; B always does.

Source: L. Andersen, M. Lake and D. Offengenden, High-performance American option pricing, Journal of Computational
Finance 20 (2016), sections 4-5: equations FP-A and FP-B, H and its collocation. Differences: the first guess is
Bjerksund and Stensland's (1993) trigger, corrected by Newton steps on the QD+ equation of M. Li, Analytical
approximations for the critical stock prices of American options, Review of Derivatives Research 13 (2010); and the
integrals take u = tau sin^2(theta), which makes sqrt(u), sqrt(tau - u) and so the integrands smooth at both ends (5
points do what 16 do in sqrt(tau - u) alone).

`work` holds LANES contracts per row (`Row`), `boundary` H likewise, the longest time first. Loops run over all lanes
at fixed distances, so that they become vectors.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.kernels.compilation import device
from scanner.pricing.kernels.elementary import erfcx, exp, log

LANES: Final = 64
DRIFT_LIMIT: Final = 0.8
"""Above this (r - q) sqrt(T)/sigma a contract takes equation B."""

# Rows of the scratch table: inputs, what they imply, sums in progress, results.
SPOT, RATE, YIELD, VOLATILITY, ROOT_YEARS = 0, 1, 2, 3, 4
START, PERPETUAL, LOG_START, FLOOR, SECOND_EQUATION, LOG_SPOT = 5, 6, 7, 8, 9, 10
ROOT_H, H_INSIDE, NUMERATOR, DENOMINATOR, CORRECTION = 11, 12, 13, 14, 15
EUROPEAN, PREMIUM, DELTA, GAMMA = 16, 17, 18, 19
GAP, SLOPE, DECAY, JUMP = 20, 21, 22, 23
ROWS: Final = 24

_ROOT_HALF: Final = 0.7071067811865476
_INVERSE_ROOT_TWO_PI: Final = 0.3989422804014327
_TINY: Final = 1e-300
_LEAST_GAP: Final = 1e-9
_NO_INTEREST: Final = 1e-8
_LEAST_POWER: Final = 1e-12
_LONGEST_STEP: Final = 0.5
_FIRST_STEPS: Final = 3
"""Newton steps at the longest time; its correction carries over to the next, where one step is enough."""

Numbers = NDArray[np.float64]


@device
def choose_equation(work: Numbers) -> None:
    """Equation A or B of every lane, by its drift against its diffusion."""
    for j in range(LANES):
        drift = (work[RATE * LANES + j] - work[YIELD * LANES + j]) * work[ROOT_YEARS * LANES + j]
        work[SECOND_EQUATION * LANES + j] = 1.0 if drift > DRIFT_LIMIT * work[VOLATILITY * LANES + j] else 0.0


@device
def solve_boundary(
    work: Numbers,
    boundary: Numbers,
    times: Numbers,
    matrix: Numbers,
    sines: Numbers,
    cosines: Numbers,
    weights: Numbers,
    sweeps: int,
    second_sweeps: int,
) -> None:
    """Fill `boundary` from the inputs in `work`, after `choose_equation`.

    `times` are sqrt(tau/T) of the Chebyshev points, `matrix[node, point]` interpolates H at the `sines` of a node,
    `weights` belong to d theta and contain 2 sin cos. `sweeps` of equation A, `second_sweeps` of B.
    """
    _prepare(work)
    mixed = False
    for j in range(LANES):
        if work[SECOND_EQUATION * LANES + j] > 0.0:
            mixed = True
    for i in range(times.size):
        _guess(work, boundary, i, times[i], _FIRST_STEPS if i == 0 else 1)
    for sweep in range(second_sweeps if mixed else sweeps):
        for i in range(times.size):
            if mixed:
                _begin_either(work, boundary, i, times[i])
            else:
                _begin(work, boundary, i, times[i])
            for k in range(sines.size):
                interpolate(work, boundary, matrix[i, k])
                if mixed:
                    _add_either(work, sines[k], cosines[k], weights[k], times[i])
                else:
                    _add(work, sines[k], cosines[k], weights[k], times[i])
            _finish(work, boundary, i, times[i], sweep >= sweeps)


@device
def interpolate(work: Numbers, boundary: Numbers, row: Numbers) -> None:
    """H where `row` of an interpolation matrix says; at the last Chebyshev point, expiry, it is 0."""
    factor = row[0]
    for j in range(LANES):
        work[H_INSIDE * LANES + j] = factor * boundary[j]
    for node in range(1, row.size):
        factor = row[node]
        start = node * LANES
        for j in range(LANES):
            work[H_INSIDE * LANES + j] += factor * boundary[start + j]


@device
def _prepare(work: Numbers) -> None:
    """What does not depend on time: 1/X and 1/B of the perpetual put, which bounds B from below."""
    for j in range(LANES):
        r, q, sigma = work[RATE * LANES + j], work[YIELD * LANES + j], work[VOLATILITY * LANES + j]
        per_variance = 1.0 / (sigma * sigma)
        half = (r - q) * per_variance - 0.5
        interest = 2.0 * r * per_variance
        root = math.sqrt(half * half + interest)
        power = half + root if half > 0.0 else interest / (root - half)
        start = q / r if q > r else 1.0
        perpetual = max(1.0 + 1.0 / max(power, _LEAST_POWER), start)
        log_start = -log(start)
        work[START * LANES + j] = start
        work[PERPETUAL * LANES + j] = perpetual
        work[LOG_START * LANES + j] = log_start
        work[FLOOR * LANES + j] = -log(perpetual) - log_start
        work[CORRECTION * LANES + j] = 1.0


@device
def _guess(work: Numbers, boundary: Numbers, i: int, time: float, steps: int) -> None:
    """Bjerksund-Stensland trigger times the correction found at the node before, then Newton steps on QD+.

    QD+: (1 - e^{-q tau} Phi(-d1)) B - beta (1 - B - p) + alpha theta = 0 with the European put p(B) and its theta.
    """
    for j in range(LANES):
        r, q, sigma = work[RATE * LANES + j], work[YIELD * LANES + j], work[VOLATILITY * LANES + j]
        root = work[ROOT_YEARS * LANES + j] * time
        log_start = work[LOG_START * LANES + j]
        tau = root * root
        per_variance = 1.0 / (sigma * sigma)
        deviation = sigma * root
        per_deviation = 1.0 / deviation
        drift = (r - q) * tau
        discount, shrink = exp(-r * tau), exp(-q * tau)

        start = work[START * LANES + j]
        reach = max(work[PERPETUAL * LANES + j] - start, _LEAST_GAP * start)
        rise = 1.0 - exp((drift - 2.0 * deviation) * start / reach)
        gap = max(log_start + log(start + reach * rise), _LEAST_GAP)
        deepest = log_start + work[FLOOR * LANES + j]
        log_bound = log_start - gap * work[CORRECTION * LANES + j]

        half = (r - q) * per_variance - 0.5
        per_interest = r / (1.0 - discount) if r * tau > _NO_INTEREST else 1.0 / tau
        spread = math.sqrt(4.0 * half * half + 8.0 * per_interest * per_variance)
        per_spread = 1.0 / spread
        alpha = -2.0 * per_variance * per_spread
        bend = 2.0 * per_interest * per_interest * per_variance * per_spread * per_spread
        beta = alpha * discount * (per_interest - bend) + half + 0.5 * spread
        decay = 0.5 * sigma / root
        for _ in range(steps):
            bound = exp(log_bound)
            d1 = (log_bound + drift) * per_deviation + 0.5 * deviation
            d2 = d1 - deviation
            bell1, bell2 = shrink * exp(-0.5 * d1 * d1), discount * exp(-0.5 * d2 * d2)
            tail1 = 0.5 * bell1 * erfcx(abs(d1) * _ROOT_HALF)
            tail2 = 0.5 * bell2 * erfcx(abs(d2) * _ROOT_HALF)
            below1 = tail1 if d1 > 0.0 else shrink - tail1
            below2 = tail2 if d2 > 0.0 else discount - tail2
            density = bell1 * _INVERSE_ROOT_TWO_PI
            theta = r * below2 - q * bound * below1 - bound * decay * density
            value = (1.0 - below1) * bound - beta * (1.0 - bound - below2 + bound * below1) + alpha * theta
            charm = density * per_deviation * (q - r) - q * below1 - decay * density * (1.0 - d1 * per_deviation)
            slope = (1.0 - below1) * (1.0 + beta) + density * per_deviation + alpha * charm
            step = min(max(value / (slope * bound), -_LONGEST_STEP), _LONGEST_STEP)
            log_bound = min(max(log_bound - step, deepest), log_start)
        distance = max(log_start - log_bound, _LEAST_GAP * gap)
        work[CORRECTION * LANES + j] = distance / gap
        boundary[i * LANES + j] = distance * distance


@device
def _begin(work: Numbers, boundary: Numbers, i: int, time: float) -> None:
    """The terms outside the integrals of equation A."""
    for j in range(LANES):
        root_h = math.sqrt(boundary[i * LANES + j])
        work[ROOT_H * LANES + j] = root_h
        root = work[ROOT_YEARS * LANES + j] * time
        deviation = work[VOLATILITY * LANES + j] * root
        per_deviation = 1.0 / deviation
        drift = (work[RATE * LANES + j] - work[YIELD * LANES + j]) * root * root
        d1 = (work[LOG_START * LANES + j] - root_h + drift) * per_deviation + 0.5 * deviation
        d2 = d1 - deviation
        bell1 = exp(-0.5 * d1 * d1)
        tail = 0.5 * bell1 * erfcx(abs(d1) * _ROOT_HALF)
        scale = _INVERSE_ROOT_TWO_PI * per_deviation
        work[NUMERATOR * LANES + j] = scale * exp(-0.5 * d2 * d2)
        work[DENOMINATOR * LANES + j] = scale * bell1 + (1.0 - tail if d1 > 0.0 else tail)


@device
def _begin_either(work: Numbers, boundary: Numbers, i: int, time: float) -> None:
    """The terms outside the integrals, of equation A or B as each lane says."""
    for j in range(LANES):
        root_h = math.sqrt(boundary[i * LANES + j])
        work[ROOT_H * LANES + j] = root_h
        root = work[ROOT_YEARS * LANES + j] * time
        deviation = work[VOLATILITY * LANES + j] * root
        per_deviation = 1.0 / deviation
        drift = (work[RATE * LANES + j] - work[YIELD * LANES + j]) * root * root
        d1 = (work[LOG_START * LANES + j] - root_h + drift) * per_deviation + 0.5 * deviation
        d2 = d1 - deviation
        bell1, bell2 = exp(-0.5 * d1 * d1), exp(-0.5 * d2 * d2)
        tail1 = 0.5 * bell1 * erfcx(abs(d1) * _ROOT_HALF)
        tail2 = 0.5 * bell2 * erfcx(abs(d2) * _ROOT_HALF)
        above1 = 1.0 - tail1 if d1 > 0.0 else tail1
        above2 = 1.0 - tail2 if d2 > 0.0 else tail2
        scale = _INVERSE_ROOT_TWO_PI * per_deviation
        second = work[SECOND_EQUATION * LANES + j] > 0.0
        work[NUMERATOR * LANES + j] = above2 if second else scale * bell2
        work[DENOMINATOR * LANES + j] = above1 if second else scale * bell1 + above1


@device
def _add(work: Numbers, sine: float, cosine: float, weight: float, time: float) -> None:
    """One quadrature point of equation A."""
    for j in range(LANES):
        r, q, sigma = work[RATE * LANES + j], work[YIELD * LANES + j], work[VOLATILITY * LANES + j]
        root = work[ROOT_YEARS * LANES + j] * time
        tau = root * root
        u = tau * (sine * sine)
        left = root * cosine
        deviation = sigma * left
        per_deviation = 1.0 / deviation
        log_ratio = math.sqrt(max(work[H_INSIDE * LANES + j], 0.0)) - work[ROOT_H * LANES + j]
        d1 = (log_ratio + (r - q) * (left * left)) * per_deviation + 0.5 * deviation
        d2 = d1 - deviation
        growth = exp(q * u)
        bell1, bell2 = exp(q * u - 0.5 * d1 * d1), exp(r * u - 0.5 * d2 * d2)
        tail = 0.5 * bell1 * erfcx(abs(d1) * _ROOT_HALF)
        scale = _INVERSE_ROOT_TWO_PI * per_deviation
        measure = weight * tau
        work[NUMERATOR * LANES + j] += measure * r * scale * bell2
        work[DENOMINATOR * LANES + j] += measure * q * ((growth - tail if d1 > 0.0 else tail) + scale * bell1)


@device
def _add_either(work: Numbers, sine: float, cosine: float, weight: float, time: float) -> None:
    """One quadrature point of equation A or B as each lane says."""
    for j in range(LANES):
        r, q, sigma = work[RATE * LANES + j], work[YIELD * LANES + j], work[VOLATILITY * LANES + j]
        root = work[ROOT_YEARS * LANES + j] * time
        tau = root * root
        u = tau * (sine * sine)
        left = root * cosine
        deviation = sigma * left
        per_deviation = 1.0 / deviation
        log_ratio = math.sqrt(max(work[H_INSIDE * LANES + j], 0.0)) - work[ROOT_H * LANES + j]
        d1 = (log_ratio + (r - q) * (left * left)) * per_deviation + 0.5 * deviation
        d2 = d1 - deviation
        growth1, growth2 = exp(q * u), exp(r * u)
        bell1, bell2 = exp(q * u - 0.5 * d1 * d1), exp(r * u - 0.5 * d2 * d2)
        tail1 = 0.5 * bell1 * erfcx(abs(d1) * _ROOT_HALF)
        tail2 = 0.5 * bell2 * erfcx(abs(d2) * _ROOT_HALF)
        above1 = growth1 - tail1 if d1 > 0.0 else tail1
        above2 = growth2 - tail2 if d2 > 0.0 else tail2
        scale = _INVERSE_ROOT_TWO_PI * per_deviation
        measure = weight * tau
        second = work[SECOND_EQUATION * LANES + j] > 0.0
        work[NUMERATOR * LANES + j] += measure * r * (above2 if second else scale * bell2)
        work[DENOMINATOR * LANES + j] += measure * q * (above1 if second else above1 + scale * bell1)


@device
def _finish(work: Numbers, boundary: Numbers, i: int, time: float, second_only: bool) -> None:
    """The new H of a node; used at once by the nodes after it. `second_only` leaves lanes of equation A as they are."""
    for j in range(LANES):
        root = work[ROOT_YEARS * LANES + j] * time
        ratio = max(work[NUMERATOR * LANES + j], _TINY) / max(work[DENOMINATOR * LANES + j], _TINY)
        log_bound = log(ratio) - (work[RATE * LANES + j] - work[YIELD * LANES + j]) * root * root
        distance = max(min(log_bound - work[LOG_START * LANES + j], 0.0), work[FLOOR * LANES + j])
        keep = second_only & (work[SECOND_EQUATION * LANES + j] == 0.0)
        boundary[i * LANES + j] = boundary[i * LANES + j] if keep else distance * distance
