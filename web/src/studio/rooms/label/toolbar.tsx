import type { ReadonlySignal } from '@preact/signals';
import { strings } from '../../strings.ts';
import { describeStep } from './describe.ts';
import { Icon, type IconName } from './icons.tsx';
import { BRUSH, type EditorProps, TOOLS } from './types.ts';

const texts = strings.label;

interface ToolbarProps extends EditorProps {
  readonly zoom: ReadonlySignal<number>;
  onRemove(): void;
  onZoom(factor: number): void;
  onFit(): void;
  onHelp(): void;
}

interface ToolButtonProps {
  readonly icon: IconName;
  readonly name: string;
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  onClick(): void;
}

const ToolButton = ({ icon, name, pressed, disabled, onClick }: ToolButtonProps) => (
  <button
    type="button"
    class="label-tool"
    title={name}
    aria-label={name}
    aria-pressed={pressed}
    disabled={disabled ?? false}
    onClick={onClick}
  >
    <Icon name={icon} />
  </button>
);

/** Only this is drawn again while the view is zoomed. */
const Zoom = ({ zoom }: { readonly zoom: ReadonlySignal<number> }) => (
  <output class="label-zoom">{texts.zoom(Math.round(zoom.value * 100))}</output>
);

export function Toolbar(props: ToolbarProps) {
  const { tool, undoStep, redoStep, classes, brushSize } = props;
  const describe = (step: typeof undoStep) => (step ? describeStep(step, classes, props) : '');
  const painting = tool === 'brush' || tool === 'eraser';
  return (
    <div class="label-tools">
      <fieldset aria-label={texts.tools}>
        {TOOLS.filter((one) => one !== 'click' || props.onClickAt).map((one) => (
          <ToolButton
            key={one}
            icon={one}
            name={texts.tool[one]}
            pressed={one === tool}
            onClick={() => props.onTool(one)}
          />
        ))}
      </fieldset>
      {painting && (
        <label class="label-brush">
          {texts.brushSize}
          <input
            type="range"
            min={BRUSH.smallest}
            max={BRUSH.largest}
            value={brushSize}
            onInput={({ currentTarget }) => props.onBrushSize(Number(currentTarget.value))}
          />
          <output>{brushSize}</output>
        </label>
      )}
      <fieldset aria-label={texts.history}>
        <ToolButton
          icon="undo"
          name={texts.undo(describe(undoStep))}
          disabled={!undoStep && tool !== 'polygon'}
          onClick={props.onUndo}
        />
        <ToolButton
          icon="redo"
          name={texts.redo(describe(redoStep))}
          disabled={!redoStep}
          onClick={props.onRedo}
        />
        <ToolButton icon="remove" name={texts.remove} disabled={!props.selected} onClick={props.onRemove} />
      </fieldset>
      <fieldset aria-label={texts.view}>
        <ToolButton icon="zoomOut" name={texts.zoomOut} onClick={() => props.onZoom(0.8)} />
        <Zoom zoom={props.zoom} />
        <ToolButton icon="zoomIn" name={texts.zoomIn} onClick={() => props.onZoom(1.25)} />
        <ToolButton icon="fit" name={texts.fit} onClick={props.onFit} />
        <ToolButton icon="help" name={texts.help} onClick={props.onHelp} />
      </fieldset>
    </div>
  );
}
