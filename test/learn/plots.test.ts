import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { History, plotLoss, plotLrFind, plotRates } from '../../src/learn/index.ts';

/** Four epochs of five steps; validation is best in the third. */
function historyOf({ momentum = true, validation = true } = {}): History {
  const history = new History();
  const losses = [0.9, 0.7, 0.6, 0.65];
  for (let step = 1; step <= 20; step++) {
    const epoch = Math.floor((step - 1) / 5);
    const rates = { lr: 10 ** (-4 + step / 10), ...(momentum ? { momentum: 0.95 - step / 200 } : {}) };
    history.steps.push({ step, epoch, ...rates, losses: { loss: 2 / step, other: 1 } });
  }
  for (const loss of losses) {
    history.epochs.push({
      loss: 1,
      ...(validation ? { val_loss: loss, val_accuracy: 1 - loss / 2 } : {}),
      lr: 1,
    });
  }
  return history;
}

const finding = {
  lrs: Array.from({ length: 30 }, (_, i) => 10 ** (-6 + i / 5)),
  losses: Array.from({ length: 30 }, (_, i) => 2 + ((i - 20) / 10) ** 2),
  valley: 1e-4,
  steep: 1e-3,
  minimum: 1e-3,
  lr: 1e-4,
};

describe('plots of a training', () => {
  it('plotLoss has the losses of steps and of validation, and marks the best epoch', () => {
    const svg = plotLoss(historyOf());
    expect(svg).toContain(
      'aria-label="Loss: training from 2 to 0.1; validation from 0.9 to 0.65; best: epoch 3, val_loss 0.6"',
    );
    expect(svg).toContain('>best: epoch 3, val_loss 0.6</text>');
    // Dots of validation, and the circle of the best one.
    expect(svg.match(/<circle/g)).toHaveLength(4 + 1);
    expect(plotLoss(historyOf(), { best: false })).not.toContain('best');
    const best = { name: 'val_accuracy', value: 0.7, loss: 1, epoch: 2 };
    const accuracy = plotLoss(historyOf(), { best });
    expect(accuracy).toContain('>best: epoch 3, val_accuracy 0.7</text>');
    expect(accuracy.match(/<circle/g)).toHaveLength(4);
    expect(plotLoss(historyOf({ validation: false }))).not.toMatch(/validation|best/);
  });

  it('plotRates has a logarithmic axis, and the momentum where it is scheduled', () => {
    const svg = plotRates(historyOf());
    expect(svg).toContain('learning rate (log scale)');
    expect(svg).toContain('>Momentum</text>');
    expect(plotRates(historyOf({ momentum: false }))).not.toContain('Momentum');
  });

  it('plotLrFind names the suggestions', () => {
    const svg = plotLrFind(finding, { width: 500 });
    for (const text of ['valley 1e-4', 'steep 0.001', 'minimum / 10 0.001', 'learning rate (log scale)']) {
      expect(svg).toContain(`>${text}</text>`);
    }
    expect(svg).toContain('width="500"');
  });

  it('take a training without any step, and refuse what is none', () => {
    for (const plot of [plotLoss, plotRates]) {
      expect(plot(new History())).toContain('no values');
      expect(() => plot({} as never)).toThrow(UsageError);
      expect(() => plot(new History(), { titel: 'x' } as never)).toThrow('did you mean title?');
    }
    const best = { name: 'val_loss', value: 1, loss: 1, epoch: 9 };
    expect(() => plotLoss(historyOf(), { best })).toThrow(
      'plotLoss: best is epoch 9, the history has 4; give the best of the same training',
    );
    expect(() => plotLrFind({} as never)).toThrow(UsageError);
  });
});
