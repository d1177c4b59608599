// The server sends npm's module under this name; its own types do not say that a template can have several roots.
import type { h, VNode } from 'preact'

declare const htm: {
  bind: (make: typeof h) => (strings: TemplateStringsArray, ...values: unknown[]) => VNode | VNode[]
}
export default htm
