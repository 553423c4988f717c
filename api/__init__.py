"""The HTTP interface: ingest, reading, people, devices, places, the live stream; authentication; OpenAPI.

Lives here: routes (one table: `route_table`), what requests and answers look like (`requests`, `documents`), who may
ask (`authentication`, `authorization`), limits on input, problem documents. May not live here: decisions about domain
facts (they are the state machines' in `domain`), SQL, threads of actors. Imports all parts but `ml` and `service`.
"""
