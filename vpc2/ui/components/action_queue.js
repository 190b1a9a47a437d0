// Queue of the actions in the components of a page, in order, until Python acknowledges them. Of several triggers sent at the same moment
// Streamlit keeps the last, so every trigger carries all unacknowledged actions; Python handles each once, by its number. This file is
// prepended to each component's own script; its state is shared by all components of the page, through the window.

window.vpc2Queue ??= { epoch: '', actions: [], lastNumber: 0 };
const QUEUE = window.vpc2Queue;
const MAX_ACTIONS = 200;
const SEND_MS = 60; // every trigger reruns the page: actions that follow faster are sent together
const senders = new WeakMap();

// Call it first, with the `queue` of a component's data: acknowledged actions are removed. Returns the component's last acknowledged number.
function acknowledge(queue) {
  if (queue.epoch !== QUEUE.epoch) { // a new session: unacknowledged actions of the last one are dropped
    QUEUE.epoch = queue.epoch;
    QUEUE.actions = [];
  }
  QUEUE.lastNumber = Math.max(QUEUE.lastNumber, queue.acknowledged);
  QUEUE.actions = QUEUE.actions.filter(action => action.number > queue.acknowledged);
  return queue.acknowledged_own;
}

// Send an action of this component to Python and return its number. If `replacesLast(last, action)`, it replaces the last one.
function sendAction(root, component, queue, action, replacesLast) {
  const last = QUEUE.actions[QUEUE.actions.length - 1];
  if (last?.to === queue.to && replacesLast?.(last, action)) QUEUE.actions.pop();
  QUEUE.actions.push({ ...action, to: queue.to, number: ++QUEUE.lastNumber });
  QUEUE.actions = QUEUE.actions.slice(-MAX_ACTIONS);
  let sender = senders.get(root);
  if (!sender) {
    sender = { timer: 0, isDue: false };
    senders.set(root, sender);
  }
  sender.component = component;
  if (sender.timer) sender.isDue = true;
  else trigger(sender);
  return QUEUE.lastNumber;
}

function trigger(sender) {
  sender.isDue = false;
  sender.component.setTriggerValue('event', { epoch: QUEUE.epoch, actions: QUEUE.actions });
  sender.timer = setTimeout(() => {
    sender.timer = 0;
    if (sender.isDue) trigger(sender);
  }, SEND_MS);
}
