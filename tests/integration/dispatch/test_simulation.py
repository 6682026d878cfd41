"""A hundred parcels with everything that goes wrong, handled by thirteen people at once: no key is ever in two hands or
in none, everything that differs is named by serial and kind, nothing is lost. `make simulate` plays 10,000.
"""

from tests.support.casework import Office
from tests.support.simulation import CHANCES, Simulation
from tests.support.simulation_check import check, watched

PARCELS = 120


def test_whatever_goes_wrong_is_found_and_nothing_is_lost(office: Office) -> None:
    simulation = Simulation(office, seed=5)
    looks = watched(simulation, PARCELS)
    assert check(simulation) == []
    assert simulation.happened["parcels"] >= PARCELS
    assert simulation.happened["deadlock"] == 0
    assert looks > 3
    for what in CHANCES:
        assert simulation.happened[what] > 0, f"nothing of the kind happened: {what}"
