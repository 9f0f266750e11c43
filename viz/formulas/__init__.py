"""Operations and rules as mathematics, and graphs as plain NumPy programs."""
