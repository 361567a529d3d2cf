"""Where the gateway is asked for events."""

from django.urls import re_path

from esap.events.paths import ALL_EVENTS, JOB_EVENTS, SEARCH_EVENTS
from esap.events.views import AllEventsElsewhere, JobEventsElsewhere, SearchEventsElsewhere

urlpatterns = [
    re_path(ALL_EVENTS, AllEventsElsewhere.as_view(), name="all-events"),
    re_path(JOB_EVENTS, JobEventsElsewhere.as_view(), name="job-events"),
    re_path(SEARCH_EVENTS, SearchEventsElsewhere.as_view(), name="search-events"),
]
