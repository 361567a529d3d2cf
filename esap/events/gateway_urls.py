"""Where the gateway is asked for events."""

from django.urls import re_path

from esap.events.paths import JOB_EVENTS, SEARCH_EVENTS
from esap.events.views import JobEventsElsewhere, SearchEventsElsewhere

urlpatterns = [
    re_path(JOB_EVENTS, JobEventsElsewhere.as_view(), name="job-events"),
    re_path(SEARCH_EVENTS, SearchEventsElsewhere.as_view(), name="search-events"),
]
