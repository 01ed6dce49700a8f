"""The smile's spline against SVI on recorded quotes: every other strike fitted, the ones between predicted."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from benchmarks.evidence.chains import Chain
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.smile_fit import LEAST_ERROR, curve_volatility, fit_smiles

_LEAST_STRIKES: Final = 12
_PENALTIES: Final = (0.0, 10.0, 1e3, 1e5)


def predictions(chain: Chain) -> pd.DataFrame:
    """One row per expiration: median absolute error in volatility of the strikes left out, between 5 and 50 delta, of
    spline and SVI; the share of all strikes whose own volatility lies within half its spread of the fit to all.

    SVI is fitted twice, no volatility counting as better known than 0.0005 or 0.002, and the better result taken: it
    misses quotes by more than their spreads, and which of them it should miss matters much.
    """
    frame = chain.contracts
    frame = frame[frame["outside"] & frame["clean"] & frame["iv"].notna() & (frame["half_spread"] >= 0)]
    rows = []
    for (root, expiry), one in frame.groupby(["root", "expiry"]):
        one = one.sort_values("strike").drop_duplicates("strike")
        if len(one) < _LEAST_STRIKES:
            continue
        taken = np.arange(len(one)) % 2 == 0
        core = (one["delta"].abs() >= 0.05).to_numpy()
        judged = ~taken & core & (np.arange(len(one)) < len(one) - 1)
        if not judged.any():
            continue
        own, error = one["iv"].to_numpy(), np.maximum(one["half_spread"].to_numpy(), LEAST_ERROR)
        row: dict[str, object] = {"title": chain.title, "root": root, "expiry": expiry, "strikes": len(one)}
        everything = np.ones(len(one), dtype=np.bool_)
        for name, fits in (("spline", (_spline,)), ("svi", _SVI)):
            errors = [np.abs(fit(one, taken) - own)[judged] for fit in fits]
            insides = [np.mean((np.abs(fit(one, everything) - own) <= error)[core]) for fit in fits]
            row[f"{name}_error"] = float(min(np.median(one_error) for one_error in errors))
            row[f"{name}_inside"] = float(max(insides))
        rows.append(row)
    return pd.DataFrame(rows)


def _arrays(one: pd.DataFrame) -> tuple[Floats, Floats, Floats, Floats]:
    k = np.log((one["strike"] / one["forward"]).to_numpy())
    return k, one["years_to_expiry"].to_numpy(), one["iv"].to_numpy(), one["half_spread"].to_numpy()


def _spline(one: pd.DataFrame, taken: Flags) -> Floats:
    k, years, volatility, half_spread = _arrays(one)
    group = np.zeros(len(k), dtype=np.intp)
    smiles = fit_smiles(
        group=group,
        group_count=1,
        log_moneyness=k,
        years=years,
        volatility=volatility,
        half_spread=half_spread,
        usable=taken,
    )
    return curve_volatility(smiles, group=group, log_moneyness=k, years=years)


def _svi(one: pd.DataFrame, taken: Flags, *, least_error: float) -> Floats:
    """Raw SVI by robust least squares pushed to g >= 0, from a dozen starts."""
    k, years, volatility, half_spread = _arrays(one)
    variance = volatility**2 * years
    deviation = 2 * volatility * years * np.maximum(half_spread, least_error)
    low, high = k[taken][0], k[taken][-1]
    grid = np.linspace(low - (high - low) / 2, high + (high - low) / 2, 80)

    def residuals(at: Floats, push: float) -> Floats:
        a, b, rho, m, sigma = _raw(at)
        off = (_curve(a, b, rho, m, sigma, k[taken]) - variance[taken]) / deviation[taken]
        return np.concatenate([off, push * np.minimum(_g(a, b, rho, m, sigma, grid) - 1e-3, 0)])

    at = _start(k[taken], variance[taken], deviation[taken])
    for push in _PENALTIES:
        at = least_squares(residuals, at, args=(push,), loss="huber", f_scale=1.5, max_nfev=200).x
        if _g(*_raw(at), grid).min() >= 0:
            break
    return np.asarray(np.sqrt(_curve(*_raw(at), k) / years))


_SVI: Final = (partial(_svi, least_error=0.0005), partial(_svi, least_error=0.002))


def _start(k: Floats, variance: Floats, deviation: Floats) -> Floats:
    """The best of twelve pairs (m, sigma), the other three parameters by linear least squares."""
    unit = float(np.sqrt(np.interp(0.0, k, variance)))
    best, least = np.array([np.log(variance.min()), np.log(0.5 * unit), -0.3, 0.0, np.log(unit)]), np.inf
    for m in np.array([-1.0, -0.3, 0.3, 1.0]) * unit:
        for sigma in np.array([0.2, 0.6, 2.0]) * unit:
            y = (k - m) / sigma
            design = np.stack([np.ones_like(y), y, np.sqrt(y * y + 1)], axis=1)
            (a, d, c), *_ = np.linalg.lstsq(design / deviation[:, None], variance / deviation, rcond=None)
            floor = a + np.sqrt(max(c * c - d * d, 0.0))
            error = float(np.sum(((design @ (a, d, c) - variance) / deviation) ** 2))
            if c > 0 and abs(d) < c and floor > 0 and error < least:
                best, least = np.array([np.log(floor), np.log(c / sigma), np.arctanh(d / c), m, np.log(sigma)]), error
    return best


def _raw(at: Floats) -> tuple[float, float, float, float, float]:
    b, rho, sigma = float(np.exp(at[1])), float(np.tanh(at[2])), float(np.exp(at[4]))
    return float(np.exp(at[0])) - b * sigma * float(np.sqrt(1 - rho * rho)), b, rho, float(at[3]), sigma


def _curve(a: float, b: float, rho: float, m: float, sigma: float, k: Floats) -> Floats:
    return np.asarray(a + b * (rho * (k - m) + np.sqrt((k - m) ** 2 + sigma**2)))


def _g(a: float, b: float, rho: float, m: float, sigma: float, k: Floats) -> Floats:
    w, root = _curve(a, b, rho, m, sigma, k), np.sqrt((k - m) ** 2 + sigma**2)
    slope, bend = b * (rho + (k - m) / root), b * sigma**2 / root**3
    return np.asarray((1 - k * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + 0.25) + bend / 2)
