/** What a visitor is told of the numbers that the library calls `val_ap`, `loss` …; a number without a name here keeps its own. */
export const metricNames: Readonly<Record<string, string>> = {
  val_ap: 'AP',
  val_ap50: 'AP@.5',
  val_iou: 'IoU',
  val_dice: 'Dice',
  val_accuracy: 'Accuracy',
  val_loss: 'Validation loss',
  loss: 'Loss',
};

/** A number with its name. */
export const metricText = ({ name, value }: { readonly name: string; readonly value: number }): string =>
  `${metricNames[name] ?? name} ${value.toFixed(3)}`;
