"""The views: one module each, a pure fold from events to rows, written down in `ALL_VIEWS`.

May not live here: SQL, threads, clocks, anything that looks at another person's rows.
"""

from __future__ import annotations

from kinelog.projections.fold import View
from kinelog.projections.views.gyms import GYMS
from kinelog.projections.views.labels_by_exercise import LABELS_BY_EXERCISE
from kinelog.projections.views.live_by_gym import LIVE_BY_GYM
from kinelog.projections.views.occupancy_by_gym_hour import OCCUPANCY_BY_GYM_HOUR
from kinelog.projections.views.people import PEOPLE
from kinelog.projections.views.rejects_by_device_day import REJECTS_BY_DEVICE_DAY
from kinelog.projections.views.samples_by_session import SAMPLES_BY_SESSION
from kinelog.projections.views.sessions_by_gym_day import SESSIONS_BY_GYM_DAY
from kinelog.projections.views.sessions_by_id import SESSIONS_BY_ID
from kinelog.projections.views.sessions_by_user import SESSIONS_BY_USER
from kinelog.projections.views.sets_by_session import SETS_BY_SESSION
from kinelog.projections.views.station_use_by_gym_day import STATION_USE_BY_GYM_DAY

ALL_VIEWS: tuple[View, ...] = (
    SESSIONS_BY_ID,
    SESSIONS_BY_USER,
    SESSIONS_BY_GYM_DAY,
    SETS_BY_SESSION,
    SAMPLES_BY_SESSION,
    LABELS_BY_EXERCISE,
    OCCUPANCY_BY_GYM_HOUR,
    STATION_USE_BY_GYM_DAY,
    REJECTS_BY_DEVICE_DAY,
    GYMS,
    PEOPLE,
    LIVE_BY_GYM,
)
VIEWS: dict[str, View] = {view.name: view for view in ALL_VIEWS}
