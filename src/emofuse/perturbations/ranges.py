"""The two numbers that every perturbation is steered by."""


def checked_strength(strength: float) -> float:
    """``strength`` itself.

    Raises:
        ValueError: it is not within 0 and 1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength lies in [0, 1], got {strength}")
    return strength


def checked_rate(rate: float) -> float:
    """``rate`` itself.

    Raises:
        ValueError: it is not a probability.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate lies in [0, 1], got {rate}")
    return rate
