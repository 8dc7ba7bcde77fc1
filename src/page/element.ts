// Elements, as one expression each. Text is text: nothing here, and nothing in the page, makes HTML of a string.

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>
type Child = Node | string

const SVG = 'http://www.w3.org/2000/svg'

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  set(element, attributes)
  element.append(...children)
  return element
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag)
  set(element, attributes)
  element.append(...children)
  return element
}

/** Only what differs is touched: a page that shows a hundred pairs does it each second. */
export function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) {
      if (element.hasAttribute(name)) element.removeAttribute(name)
      continue
    }
    const text = value === true ? '' : String(value)
    if (element.getAttribute(name) !== text) element.setAttribute(name, text)
  }
}

export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** What index.html has. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no ${id}`)
  return found
}
