"""Calibration fitted on the labelled corpus; written by `python -m tests.corpus.score_payments --fit`, not by hand.

Kind of evidence → ((log-odds of the raw chance from which on, share of matches that were right), ...), rising.
"""

TABLE: dict[str, tuple[tuple[float, float], ...]] = {
    "misnamed against words, exact": ((5.29, 0.98333),),
    "misnamed against words, exact, equal amounts": ((1.13, 0.91667),),
    "misnamed against words, over": ((2.1, 0.9375),),
    "misnamed against words, short": ((0.16, 0.9951),),
    "misnamed, exact": (
        (0.2, 0.96259),
        (9.21, 0.99986),
    ),
    "misnamed, exact, equal amounts": (
        (0.13, 0.71951),
        (9.21, 0.9881),
    ),
    "misnamed, over": ((0.15, 0.53448),),
    "misnamed, part": (
        (-0.17, 0.7439),
        (1.34, 0.81707),
        (2.63, 0.91463),
        (3.66, 0.95679),
        (6.64, 0.99701),
    ),
    "misnamed, short": (
        (-0.04, 0.96341),
        (1.11, 0.98754),
        (4.18, 0.9911),
        (5.4, 0.99465),
        (9.21, 0.99985),
    ),
    "named against words, exact": ((5.77, 0.99836),),
    "named against words, exact, equal amounts": ((3.2, 0.91667),),
    "named against words, over": ((1.4, 0.94444),),
    "named against words, part": ((0.09, 0.94444),),
    "named against words, short": ((0.57, 0.99673),),
    "named, exact": (
        (5.65, 0.15854),
        (9.21, 0.99963),
    ),
    "named, exact, equal amounts": ((3.31, 0.97059),),
    "named, over": (
        (-0.2, 0.89024),
        (4.5, 0.95312),
    ),
    "named, part": (
        (-0.19, 0.89024),
        (2.48, 0.93902),
        (3.25, 0.99068),
        (5.52, 0.99377),
        (9.21, 0.99949),
    ),
    "named, short": (
        (0.59, 0.99603),
        (9.21, 0.99996),
    ),
    "named, sum of payments": ((2.94, 0.99333),),
    "partly named against words, exact": ((8.11, 0.98529),),
    "partly named against words, short": ((1.37, 0.96154),),
    "partly named, exact": (
        (0.2, 0.89024),
        (3.55, 0.94099),
        (9.21, 0.99968),
    ),
    "partly named, over": ((0.81, 0.7),),
    "partly named, short": (
        (0.06, 0.97107),
        (3.99, 0.99887),
    ),
    "stretch against words, exact": ((3.7, 0.92857),),
    "stretch, exact": (
        (-0.15, 0.87037),
        (8.11, 0.88272),
        (9.21, 0.99788),
    ),
    "unnamed against words, exact": ((4.89, 0.99709),),
    "unnamed against words, exact, equal amounts": ((0.96, 0.95455),),
    "unnamed sum, exact": (
        (0.09, 0.96341),
        (7.82, 0.97727),
    ),
    "unnamed, exact": (
        (0.01, 0.84146),
        (4.75, 0.95679),
        (5.13, 0.96341),
        (5.31, 0.97646),
        (9.21, 0.99994),
    ),
    "unnamed, exact, equal amounts": (
        (-0.05, 0.47561),
        (0.83, 0.62195),
        (1.9, 0.76829),
        (2.99, 0.89506),
        (4.94, 0.93902),
        (6.44, 0.99306),
    ),
    "unnamed, part": (
        (-0.18, 0.89024),
        (5.99, 0.98438),
    ),
    "unnamed, short": (
        (-0.19, 0.91322),
        (0.69, 0.91975),
        (1.3, 0.93781),
        (2.44, 0.98148),
        (2.91, 0.99014),
        (6.26, 0.99961),
    ),
    "unnamed, sum of payments": ((1.1, 0.72656),),
}
