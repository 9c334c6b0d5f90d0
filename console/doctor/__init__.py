"""``crosswalk doctor``: what stands between here and both platforms, each finding with a next step."""
