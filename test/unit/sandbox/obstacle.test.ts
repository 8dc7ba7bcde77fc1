// What keeps a sandbox from working, in words: settings of the kernel, and a device that does not open.

import { expect, test } from 'vitest'
import { deviceRemedy } from '../../../src/sandbox/device.js'
import { forbidding } from '../../../src/sandbox/obstacle.js'

test.each([
  [{ 'kernel.unprivileged_userns_clone': '0' }, 'sysctl -w kernel.unprivileged_userns_clone=1'],
  [{ 'user.max_user_namespaces': '0' }, 'sysctl -w user.max_user_namespaces=10000'],
  [
    { 'kernel.apparmor_restrict_unprivileged_userns': '1', 'user.max_user_namespaces': '63000' },
    'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  ],
])('%o: root is told what to set', (settings: Record<string, string>, remedy) => {
  const [name, value] = Object.entries(settings)[0] ?? []
  expect(forbidding((setting) => settings[setting])).toBe(
    `${name} is ${value}: users may make no namespaces (as root: ${remedy})`,
  )
})

test('settings that allow it, and kernels without them', () => {
  const allowing = { 'kernel.unprivileged_userns_clone': '1', 'user.max_user_namespaces': '63000' }
  expect(forbidding((name) => (allowing as Record<string, string>)[name])).toBeUndefined()
  expect(forbidding(() => undefined)).toBeUndefined()
})

test.each([
  ['ENOENT', /^as root: modprobe tun; .*mknod -m 0666 .*; in a container: --device \/dev\/net\/tun$/],
  ['EPERM', /^the device cgroup forbids it; in a container: --device/],
  ['ENODEV', /^the kernel has no TUN driver: modprobe tun$/],
])('a device that answers %s', (code, remedy) => {
  expect(deviceRemedy(code)).toMatch(remedy)
})
