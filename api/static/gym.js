// Keeps "training now" and today's sessions current: an event of the gym's live stream makes the part load again.
"use strict";

const EVENTS = ["snapshot", "started", "frame", "set", "ended", "abandoned", "deleted", "corrected"];
const CALM_MS = 1000; // after something happened to a session
const FRAME_MS = 5000; // frames come once a second and person: the counts need not follow each
const ANYWAY_MS = 60000; // durations grow without any event

const part = document.getElementById("now");
const announcement = document.getElementById("announcement");
const connection = document.getElementById("connection");
let timer = null;
let due = Infinity;
let loading = false;

function say(state, text) {
  connection.dataset.state = state;
  connection.textContent = text;
}

function refreshWithin(milliseconds) {
  const wanted = Date.now() + milliseconds;
  if (wanted >= due) {
    return;
  }
  due = wanted;
  clearTimeout(timer);
  timer = setTimeout(refresh, milliseconds);
}

async function refresh() {
  due = Infinity;
  if (loading) {
    refreshWithin(CALM_MS);
    return;
  }
  loading = true;
  try {
    const answer = await fetch(part.dataset.now, { cache: "no-store", credentials: "same-origin" });
    if (answer.redirected) {
      window.location.assign("/sign-in?next=" + encodeURIComponent(window.location.pathname));
      return;
    }
    if (answer.ok) {
      replace(await answer.text());
    } else {
      say("waiting", "The service did not answer; trying again.");
    }
  } catch (error) {
    say("waiting", "The service cannot be reached; trying again.");
  } finally {
    loading = false;
    refreshWithin(ANYWAY_MS);
  }
}

function replace(html) {
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  // Made by the service's own templates, where every value is escaped.
  part.innerHTML = html;
  if (focused) {
    const again = document.getElementById(focused);
    (again || document.getElementById("content")).focus({ preventScroll: true });
  }
  const count = Number(document.getElementById("training").dataset.training);
  const words = `${count} ${count === 1 ? "person is" : "people are"} training now.`;
  // Written only when it changes, or a screen reader would read it out again and again.
  if (announcement.textContent !== words) {
    announcement.textContent = words;
  }
}

function listen() {
  const stream = new EventSource(part.dataset.live);
  stream.addEventListener("open", () => {
    say("live", "Live: this page updates by itself.");
    refreshWithin(0); // something may have happened between loading the page and listening
  });
  stream.addEventListener("error", () => {
    say("waiting", "Live updates are interrupted; trying again.");
    if (stream.readyState === EventSource.CLOSED) {
      refreshWithin(CALM_MS); // leads to the sign-in page if that is why
      setTimeout(listen, FRAME_MS);
    }
  });
  for (const name of EVENTS) {
    stream.addEventListener(name, () => refreshWithin(name === "frame" ? FRAME_MS : CALM_MS));
  }
}

listen();
refreshWithin(ANYWAY_MS);
