// What a visitor does in the components of a page, in the order they did it, until Python says that it has been done. Of several triggers
// of one moment Streamlit keeps the last, so every trigger carries all that is not answered yet; Python does each action once, by its
// number. This stands before each component's own script; what it knows is shared by all of them, through the window.

window.vpc2Spoken ??= { epoch: '', log: [], n: 0 };
const SPOKEN = window.vpc2Spoken;
const MOST_SPOKEN = 200;
const SEND_MS = 60; // a trigger each makes the page run again: what is done faster goes together
const senders = new WeakMap();

// To be called first with the `ears` of a component's data: what has been done is forgotten. Returns the last number of this component.
function hearBack(ears) {
  if (ears.epoch !== SPOKEN.epoch) { // another session: what the last one had not answered is lost with it
    SPOKEN.epoch = ears.epoch;
    SPOKEN.log = [];
  }
  SPOKEN.n = Math.max(SPOKEN.n, ears.seen);
  SPOKEN.log = SPOKEN.log.filter(action => action.n > ears.seen);
  return ears.own;
}

// Tell Python of an action of this component and return its number. Of two choices in a row the later one counts (`isInstead`).
function speak(root, component, ears, action, isInstead) {
  const last = SPOKEN.log[SPOKEN.log.length - 1];
  if (last?.to === ears.to && isInstead?.(last, action)) SPOKEN.log.pop();
  SPOKEN.log.push({ ...action, to: ears.to, n: ++SPOKEN.n });
  SPOKEN.log = SPOKEN.log.slice(-MOST_SPOKEN);
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
