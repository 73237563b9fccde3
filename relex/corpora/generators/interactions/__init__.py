"""Generated statements on drug interactions in the form of CH-DDI."""
