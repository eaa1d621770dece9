import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores, and the tests of the local cloud open real ports.
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    coverage: {
      include: ['src/domain/**', 'src/handlers/**', 'compiler/**', 'trainer/**', 'device/**', 'local/**'],
    },
  },
})
