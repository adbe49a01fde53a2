"""From FineGym's annotations to a folder of chosen clips: plan, fetch, cut, check, choose.

Source: Shao et al. 2020 (FineGym, CVPR, arXiv:2004.06704); annotations CC BY-NC 4.0. The videos are not
distributed: each user fetches those that are still there.
"""
