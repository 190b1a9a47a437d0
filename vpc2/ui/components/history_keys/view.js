// Undo and redo by keyboard and by the page's buttons. The buttons are Streamlit's, which loses all but the last of several fast clicks:
// clicks are intercepted before they reach it. In text fields the browser's own undo applies.
const states = new WeakMap();

function isTyping(event) {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement && (target.isContentEditable || target.matches('textarea, input:not([type=checkbox], [type=radio], [type=range], [type=file])'));
}

function stepOf(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return '';
  const key = event.key.toLowerCase();
  return key === 'z' ? (event.shiftKey ? 'redo' : 'undo') : key === 'y' && !event.shiftKey ? 'redo' : '';
}

export default function (component) {
  const { parentElement: root, data } = component;
  let s = states.get(root);
  if (!s) {
    s = {};
    const step = (event, kind) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      sendAction(root, s.component, s.component.data.queue, { kind });
    };
    s.onKey = event => {
      const kind = stepOf(event);
      if (kind && !isTyping(event)) step(event, kind);
    };
    s.onClick = event => {
      for (const kind of ['undo', 'redo']) {
        if (event.target.closest?.(`.st-key-${kind}-${s.component.data.kind} button:enabled`)) step(event, kind);
      }
    };
    document.addEventListener('keydown', s.onKey, true);
    document.addEventListener('click', s.onClick, true);
    states.set(root, s);
  }
  s.component = component;
  acknowledge(data.queue);
  return () => {
    document.removeEventListener('keydown', s.onKey, true);
    document.removeEventListener('click', s.onClick, true);
    states.delete(root);
  };
}
