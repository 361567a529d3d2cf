"""The UWS face of jobs, as IVOA UWS 1.1 and the published gateway have it."""
