data = dict(dataset_type="llff", ndc=True)
fine_model_and_render = dict(mpi_depth=128, stepsize=1.0)
