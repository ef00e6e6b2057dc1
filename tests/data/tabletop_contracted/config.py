data = dict(dataset_type="nerf", unbounded_inward=True, white_bkgd=True)
fine_model_and_render = dict(stepsize=0.5)
