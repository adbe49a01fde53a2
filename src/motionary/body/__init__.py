"""The body: skeleton, shape, pose and skin."""
