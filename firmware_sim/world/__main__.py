"""`python -m firmware_sim.world`: performs one order for whoever started this process."""

from __future__ import annotations

from firmware_sim.world.stage_process import main

if __name__ == "__main__":
    main()
