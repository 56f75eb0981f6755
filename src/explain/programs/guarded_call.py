import os

import torch

torch.zeros(1, device="cuda")  # starts threads and opens a device in the parent
if os.fork() == 0:
    torch.zeros(1, device="cuda")  # run with FORKWATCH_GUARD='libcuda*'
