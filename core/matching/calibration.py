"""Calibration fitted on the labelled corpus; written by `python -m tests.corpus.score_payments --fit`, not by hand.

Kind of evidence → ((log-odds of the raw chance from which on, share of matches that were right), ...), rising.
"""

TABLE: dict[str, tuple[tuple[float, float], ...]] = {
    "misnamed against words, exact": (
        (3.71, 0.98684),
    ),
    "misnamed against words, exact, wanted twice": (
        (9.21, 0.75),
    ),
    "misnamed against words, part": (
        (2.93, 0.91667),
    ),
    "misnamed against words, short": (
        (1.44, 0.99554),
    ),
    "misnamed, exact": (
        (4.6, 0.93902), (5.44, 0.99254), (7.82, 0.99988),
    ),
    "misnamed, exact, equal amounts": (
        (4.67, 0.99286),
    ),
    "misnamed, exact, equal amounts, wanted twice": (
        (0.0, 0.72222),
    ),
    "misnamed, exact, wanted twice": (
        (0.22, 0.86585), (9.21, 0.9949),
    ),
    "misnamed, over": (
        (-0.19, 0.62903),
    ),
    "misnamed, over, wanted twice": (
        (0.63, 0.125),
    ),
    "misnamed, part": (
        (-0.19, 0.64634), (0.65, 0.7716), (2.57, 0.90741), (3.99, 0.93802), (7.6, 0.99754),
    ),
    "misnamed, part, wanted twice": (
        (0.76, 0.91667),
    ),
    "misnamed, short": (
        (-0.18, 0.79268), (0.44, 0.86585), (1.24, 0.96341), (2.23, 0.97826), (3.93, 0.9952), (6.03, 0.99822), (8.11,
        0.99988),
    ),
    "misnamed, short, wanted twice": (
        (1.61, 0.96341), (9.21, 0.98485),
    ),
    "named against words, exact": (
        (4.85, 0.9982),
    ),
    "named against words, exact, equal amounts": (
        (9.21, 0.75),
    ),
    "named against words, exact, wanted twice": (
        (9.21, 0.9375),
    ),
    "named against words, over": (
        (1.94, 0.75),
    ),
    "named against words, over, wanted twice": (
        (1.1, 0.25),
    ),
    "named against words, part": (
        (1.67, 0.95),
    ),
    "named against words, short": (
        (3.66, 0.99587),
    ),
    "named against words, short, wanted twice": (
        (9.21, 0.83333),
    ),
    "named, exact": (
        (4.94, 0.96914), (9.21, 0.99999),
    ),
    "named, exact, equal amounts": (
        (4.76, 0.97727),
    ),
    "named, exact, equal amounts, wanted twice": (
        (4.11, 0.75),
    ),
    "named, exact, wanted twice": (
        (9.21, 0.99654),
    ),
    "named, over": (
        (-0.05, 0.90741), (4.58, 0.9359),
    ),
    "named, part": (
        (-0.19, 0.93902), (2.33, 0.97303), (4.95, 0.98756), (6.5, 0.99221), (9.21, 0.99957),
    ),
    "named, part, wanted twice": (
        (5.74, 0.83333),
    ),
    "named, short": (
        (0.35, 0.97826), (4.14, 0.99563), (7.82, 0.99584), (9.21, 0.99996),
    ),
    "named, short, wanted twice": (
        (2.71, 0.96341), (6.57, 0.98148), (9.21, 0.99686),
    ),
    "named, sum of payments": (
        (2.94, 0.99541),
    ),
    "partly named against words, exact": (
        (4.74, 0.96341), (9.21, 0.98936),
    ),
    "partly named against words, short": (
        (2.6, 0.98438),
    ),
    "partly named, exact": (
        (0.21, 0.96883), (9.21, 0.99976),
    ),
    "partly named, short": (
        (-0.16, 0.89024), (0.89, 0.94444), (2.35, 0.98447), (4.02, 0.99068), (5.6, 0.99889),
    ),
    "stretch against words, exact": (
        (4.9, 0.95455),
    ),
    "stretch, exact": (
        (-0.15, 0.84146), (0.89, 0.93781), (9.21, 0.99894),
    ),
    "unnamed against words, exact": (
        (4.62, 0.99771),
    ),
    "unnamed against words, exact, equal amounts": (
        (7.13, 0.875),
    ),
    "unnamed against words, exact, equal amounts, wanted twice": (
        (0.05, 0.72222),
    ),
    "unnamed sum, exact": (
        (-0.05, 0.79268), (4.9, 0.96341), (8.11, 0.99074),
    ),
    "unnamed sum, exact, wanted twice": (
        (7.26, 0.16667),
    ),
    "unnamed, exact": (
        (-0.01, 0.91463), (4.74, 0.96914), (5.2, 0.9795), (7.42, 0.98674), (9.21, 0.99995),
    ),
    "unnamed, exact, equal amounts": (
        (4.6, 0.9876), (7.6, 0.99375),
    ),
    "unnamed, exact, equal amounts, wanted twice": (
        (-0.2, 0.37805), (0.69, 0.67284), (2.12, 0.90496), (4.15, 0.98864),
    ),
    "unnamed, exact, wanted twice": (
        (1.73, 0.79268), (9.21, 0.97619),
    ),
    "unnamed, part": (
        (0.28, 0.84146), (6.64, 0.94231),
    ),
    "unnamed, part, wanted twice": (
        (5.33, 0.75),
    ),
    "unnamed, short": (
        (-0.2, 0.7716), (0.31, 0.79268), (0.49, 0.90994), (1.38, 0.92975), (1.91, 0.97631), (3.68, 0.97826), (4.38,
        0.99227), (6.72, 0.99766), (8.52, 0.99927),
    ),
    "unnamed, short, wanted twice": (
        (-0.11, 0.68519),
    ),
    "unnamed, sum of payments": (
        (1.1, 0.58333),
    ),
}
