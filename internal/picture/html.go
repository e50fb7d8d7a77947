package picture

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"
)

// HTML draws a diagram as one page that needs nothing else: drag to move, wheel or + and - to zoom, a field to search,
// and a click on a box shows its facts.
func HTML(d Diagram) []byte {
	facts := map[string][]Fact{}
	for _, b := range d.Boxes {
		facts[b.ID] = append([]Fact{}, b.Facts...)
	}
	data, _ := json.Marshal(facts) // strings only; it escapes <, > and &
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"+
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "+
		"script-src 'unsafe-inline'\">\n<title>%s</title>\n<style>%s</style>\n", html.EscapeString(d.Title), pageStyle)
	b.WriteString(pageHead)
	writeSVG(&b, layout(d), ` id="picture"`)
	fmt.Fprintf(&b, "<script type=\"application/json\" id=\"facts\">%s</script>\n<script>%s</script>\n</html>\n", data,
		pageScript)
	return []byte(b.String())
}

const pageHead = `<header>
<input id="search" type="search" placeholder="Search" aria-label="Search components">
<button id="in" aria-label="Zoom in">+</button>
<button id="out" aria-label="Zoom out">−</button>
<button id="all">Whole picture</button>
</header>
<aside id="panel" hidden><button id="close" aria-label="Close">×</button><h2></h2><dl></dl></aside>
`

const pageStyle = `
  :root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --line: #d0d7de; }
  @media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --line: #30363d; } }
  html, body { margin: 0; height: 100%; background: var(--paper); color: var(--ink);
    font: 14px/1.5 Helvetica, Arial, sans-serif; overflow: hidden; }
  header { position: fixed; top: 12px; right: 12px; display: flex; gap: 6px; z-index: 2; }
  input, button { font: inherit; padding: 4px 10px; border: 1px solid var(--line); border-radius: 6px;
    background: var(--paper); color: inherit; }
  #picture { width: 100%; height: 100%; cursor: grab; touch-action: none; }
  #picture .box { cursor: pointer; }
  #picture .dim { opacity: .18; }
  #picture .chosen rect { stroke-width: 3; }
  aside { position: fixed; right: 12px; top: 60px; bottom: 12px; width: min(420px, 90vw); overflow: auto; z-index: 2;
    box-sizing: border-box; padding: 12px 16px; border: 1px solid var(--line); border-radius: 8px;
    background: var(--paper); }
  aside h2 { font-size: 16px; margin: 4px 40px 8px 0; overflow-wrap: anywhere; }
  aside dt { font-weight: bold; margin-top: 8px; }
  aside dd { margin: 0; overflow-wrap: anywhere; }
  #close { float: right; }
`

const pageScript = `
'use strict';
const picture = document.getElementById('picture'), panel = document.getElementById('panel');
const facts = JSON.parse(document.getElementById('facts').textContent);
const whole = picture.viewBox.baseVal, size = {x: whole.x, y: whole.y, w: whole.width, h: whole.height};
let view = {...size};
picture.removeAttribute('width');
picture.removeAttribute('height');
const show = () => picture.setAttribute('viewBox', [view.x, view.y, view.w, view.h].join(' '));
const at = e => {
  const p = new DOMPoint(e.clientX, e.clientY).matrixTransform(picture.getScreenCTM().inverse());
  return {x: p.x, y: p.y};
};
const zoom = (by, p) => {
  by = Math.min(Math.max(view.w * by, size.w / 40), size.w * 4) / view.w;
  p = p || {x: view.x + view.w / 2, y: view.y + view.h / 2};
  view = {x: p.x - (p.x - view.x) * by, y: p.y - (p.y - view.y) * by, w: view.w * by, h: view.h * by};
  show();
};
picture.addEventListener('wheel', e => { e.preventDefault(); zoom(e.deltaY > 0 ? 1.15 : 1 / 1.15, at(e)); },
  {passive: false});
let drag = null, moved = false;
picture.addEventListener('pointerdown', e => { drag = at(e); moved = false; });
picture.addEventListener('pointermove', e => {
  if (!drag || !e.buttons) return;
  const p = at(e);
  if (Math.hypot(p.x - drag.x, p.y - drag.y) > 3) moved = true;
  view.x -= p.x - drag.x;
  view.y -= p.y - drag.y;
  show();
});
picture.addEventListener('pointerup', () => { drag = null; });
const boxes = [...picture.querySelectorAll('.box')], arrows = [...picture.querySelectorAll('[data-from]')];
const choose = id => {
  boxes.forEach(b => b.classList.toggle('chosen', b.dataset.id === id));
  panel.hidden = id === null;
  if (id === null) return;
  panel.querySelector('h2').textContent = id;
  const list = panel.querySelector('dl');
  list.replaceChildren();
  for (const fact of facts[id] || []) {
    const name = document.createElement('dt'), value = document.createElement('dd');
    name.textContent = fact.Name;
    value.textContent = fact.Value;
    list.append(name, value);
  }
};
picture.addEventListener('click', e => {
  if (moved) return;
  const box = e.target.closest('.box');
  choose(box ? box.dataset.id : null);
});
document.getElementById('close').addEventListener('click', () => choose(null));
document.getElementById('in').addEventListener('click', () => zoom(1 / 1.3));
document.getElementById('out').addEventListener('click', () => zoom(1.3));
document.getElementById('all').addEventListener('click', () => { view = {...size}; show(); });
document.addEventListener('keydown', e => {
  if (e.target.tagName === 'INPUT') return;
  if (e.key === '+') zoom(1 / 1.3);
  if (e.key === '-') zoom(1.3);
  if (e.key === '0') { view = {...size}; show(); }
  if (e.key === 'Escape') choose(null);
});
document.getElementById('search').addEventListener('input', e => {
  const words = e.target.value.toLowerCase().split(/\s+/).filter(Boolean), found = new Set();
  for (const b of boxes) {
    const text = (b.textContent + ' ' + (facts[b.dataset.id] || []).map(f => f.Name + ' ' + f.Value).join(' '))
      .toLowerCase();
    const hit = words.every(w => text.includes(w));
    if (hit) found.add(b.dataset.id);
    b.classList.toggle('dim', !hit);
  }
  for (const a of arrows) a.classList.toggle('dim', !found.has(a.dataset.from) || !found.has(a.dataset.to));
});
`
