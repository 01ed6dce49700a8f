"""`python -m benchmarks.evidence [folder of the data]` compares, prints a summary and writes docs/evidence.md."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.evidence.chains import (
    FILES,
    Chain,
    executable_violations,
    missing,
    read_chains,
    skew_rows,
    volatility_differences,
)
from benchmarks.evidence.curves import predictions
from benchmarks.evidence.early_exercise import american_differences
from benchmarks.evidence.page import SKEW_LIMIT, VOLATILITY_LIMIT, write_page
from benchmarks.evidence.plots import cumulative, dots
from benchmarks.evidence.published import ALL, Finding, lean_agreement
from scanner.pricing.smile_fit import SMILE_REASON_CODE, SmileReason

PROJECT = Path(__file__).resolve().parents[2]
DATA = PROJECT.parent / "shared" / "data"


def main() -> int:
    """Compare what there is data for; write the page only if all of it is there."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    findings = [one for name, compare in ALL.items() if not missing(folder, [name]) for one in compare(folder)]
    for one in findings:
        print(f"{one.what}, against {one.source}: {one.values} values, {one.largest:.2g} {one.unit}")
    absent = missing(folder, [*ALL, "cboe/skew25_reference.csv", *(f"cboe/{file}" for file, _ in FILES)])
    if absent:
        print(f"Not compared, because {folder} lacks: {', '.join(absent)}. docs/evidence.md stays as it is.")
        return 1
    _write(folder, findings)
    return 0 if all(one.met for one in findings) else 1


def _write(folder: Path, findings: list[Finding]) -> None:
    reference = pd.read_csv(folder / "cboe/skew25_reference.csv")
    chains = list(read_chains(folder))
    differences = [volatility_differences(chain, reference).assign(title=chain.title) for chain in chains]
    volatilities = pd.concat(differences, ignore_index=True)
    american = pd.concat(
        [american_differences(chain, own) for chain, own in zip(chains, differences, strict=True) if chain.american],
        ignore_index=True,
    )
    skews = pd.concat([skew_rows(chain, reference) for chain in chains], ignore_index=True)
    curves = pd.concat([predictions(chain) for chain in chains], ignore_index=True)
    violations = np.sum([executable_violations(chain) for chain in chains], axis=0)
    pictures = PROJECT / "docs" / "evidence"
    apart = volatilities["iv"] - volatilities["cboe_iv"]
    cumulative(
        pictures / "volatility.svg",
        {str(title): apart[one.index].to_numpy() for title, one in volatilities.groupby("title", sort=False)},
        title="Own implied volatility less Cboe's, 5 to 50 delta",
        label="absolute difference, volatility",
        limit=VOLATILITY_LIMIT,
    )
    dots(
        pictures / "skew.svg",
        {
            "definition 6 less mids": (skews["ours"] - skews["skew25_own"]).to_numpy(),
            "delta N(d1) less mids": (skews["forward_delta"] - skews["skew25_own"]).to_numpy(),
            "Cboe's deltas less Cboe": (skews["cboe_delta"] - skews["skew25_cboe"]).to_numpy(),
        },
        title="25-delta skew less the reference, expiration by expiration",
        label="difference, volatility",
        limit=SKEW_LIMIT,
    )
    cumulative(
        pictures / "curves.svg",
        {"spline": curves["spline_error"].to_numpy(), "SVI": curves["svi_error"].to_numpy()},
        title="Median error of strikes left out of the fit, per expiration",
        label="absolute error, volatility",
        limit=None,
        log=True,
    )
    page = write_page(
        findings,
        lean_agreement(folder),
        volatilities,
        american,
        skews,
        curves,
        (int(violations[0]), int(violations[1])),
        _fits(chains),
    )
    (PROJECT / "docs" / "evidence.md").write_text(page, encoding="utf-8")
    print("docs/evidence.md and its pictures are written.")


def _fits(chains: list[Chain]) -> tuple[int, int, int]:
    """Expirations with enough points, those without a curve, and those whose curve was moved."""
    reasons = np.concatenate([chain.smiles.smiles.reason for chain in chains])
    mended = np.concatenate([chain.smiles.smiles.mended for chain in chains])
    enough = reasons != SMILE_REASON_CODE[SmileReason.TOO_FEW_POINTS]
    return int(enough.sum()), int((enough & (reasons > 0)).sum()), int((mended & (reasons == 0)).sum())


if __name__ == "__main__":
    sys.exit(main())
