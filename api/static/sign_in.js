// A link that signs in once: the token stands behind `#`, which browsers do not send, and is posted with the form.
"use strict";

const named = new URLSearchParams(window.location.hash.slice(1)).get("token");
if (named) {
  // First out of the address bar and the history, then to the service.
  window.history.replaceState(null, "", window.location.pathname + window.location.search);
  document.getElementById("token").value = named;
  document.getElementById("sign-in").requestSubmit();
} else {
  document.getElementById("token").focus();
}
