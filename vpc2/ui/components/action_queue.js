// Queue of the actions in the components of a page, in order, until Python acknowledges them. Of several triggers sent at the same moment
// Streamlit keeps the last, so every trigger carries all unacknowledged actions; Python handles each once, by its number. This file is
// prepended to each component's own script; its state is shared by all components of the page, through the window.

window.vpc2Spoken ??= { epoch: '', log: [], n: 0 };
const SPOKEN = window.vpc2Spoken;
const MAX_LOGGED = 200;
const SEND_MS = 60; // every trigger reruns the page: actions that follow faster are sent together
const senders = new WeakMap();

// Call it first, with the `ears` of a component's data: acknowledged actions are removed. Returns the component's last acknowledged number.
function hearBack(ears) {
  if (ears.epoch !== SPOKEN.epoch) { // a new session: unacknowledged actions of the last one are dropped
    SPOKEN.epoch = ears.epoch;
    SPOKEN.log = [];
  }
  SPOKEN.n = Math.max(SPOKEN.n, ears.seen);
  SPOKEN.log = SPOKEN.log.filter(action => action.n > ears.seen);
  return ears.own;
}

// Send an action of this component to Python and return its number. If `isInstead(last, action)`, it replaces the last one.
function speak(root, component, ears, action, isInstead) {
  const last = SPOKEN.log[SPOKEN.log.length - 1];
  if (last?.to === ears.to && isInstead?.(last, action)) SPOKEN.log.pop();
  SPOKEN.log.push({ ...action, to: ears.to, n: ++SPOKEN.n });
  SPOKEN.log = SPOKEN.log.slice(-MAX_LOGGED);
  let sender = senders.get(root);
  if (!sender) {
    sender = { timer: 0, isDue: false };
    senders.set(root, sender);
  }
  sender.component = component;
  if (sender.timer) sender.isDue = true;
  else send(sender);
  return SPOKEN.n;
}

function send(sender) {
  sender.isDue = false;
  sender.component.setTriggerValue('event', { epoch: SPOKEN.epoch, log: SPOKEN.log });
  sender.timer = setTimeout(() => {
    sender.timer = 0;
    if (sender.isDue) send(sender);
  }, SEND_MS);
}
