"""How receivables stand, as figures with their formula and convention named. Pure."""
