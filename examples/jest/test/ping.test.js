// A cable in a Jest test. `require` takes uveth/testing as it is, in Jest 29 and 30: no ES modules of Jest's, no
// transformIgnorePatterns. With babel's or ts-jest's CommonJS, `import` does the same.

const { available, matchers, withPair } = require('uveth/testing')

expect.extend(matchers)
const testOrSkip = available() === undefined ? test : test.skip

testOrSkip('ping says that the third reply is lost', () =>
  withPair({ name: expect.getState().currentTestName }, async (cable) => {
    cable.b.drop({ icmp: { type: 0 }, nth: 3 })
    const { stdout } = await cable.exec('a', 'ping', ['-c', '5', '-i', '0.1', cable.ip.b])
    expect(stdout).toContain('4 received')
    await expect(cable).toHaveDropped({ cause: 'rule', match: { icmp: {} }, from: 'b', times: 1 })
  }),
)
