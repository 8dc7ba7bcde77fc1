// A user's hook for lines.mjs: it reads every frame, and lets all pass but those that are none.
import { defineHook } from 'uveth'

export default defineHook(() => (burst) => {
  for (let i = 0; i < burst.count; i++) if (burst.frame(i).length < 14) throw new Error('no frame')
})
